import * as Y from "yjs";
import type { Database } from "../database/database.ts";
import type { Logger } from "../observability/logger.ts";
import { type ClientBinding, ClientIds } from "./client-ids.ts";
import type { Snapshots } from "./snapshots.ts";
import { readUpdates } from "./update-log.ts";

/** A document as the database has it, brought to life. */
export interface LoadedDocument {
  doc: Y.Doc;
  headSeq: number;
  /** The log's last row that a snapshot covers. */
  snapshotSeq: number;
  restoreEpoch: number;
  clientIds: ClientIds;
  /** What Yjs cleaned up on the way: in the document, not in the log. */
  cleanUps: Uint8Array[];
}

interface LoadingDeps {
  database: Database;
  snapshots: Snapshots;
  /** The id to write with, where chance will not do. */
  drawClientId?: ((documentId: string) => number) | undefined;
  logger: Logger;
}

/** Undefined where there is no such document. The doc has a client id that was never used. */
export async function loadDocument(
  documentId: string,
  deps: LoadingDeps,
): Promise<LoadedDocument | undefined> {
  const { kysely } = deps.database;
  const document = await kysely
    .selectFrom("documents")
    .select(["head_seq", "restore_epoch"])
    .where("id", "=", documentId)
    .executeTakeFirst();
  if (document === undefined) return undefined;
  const clientIds = new ClientIds(
    await readBindings(documentId, deps.database),
    deps.drawClientId && (() => deps.drawClientId?.(documentId) ?? 0),
  );
  const replayed = await replay(documentId, document.head_seq, deps);
  replayed.doc.clientID = clientIds.serverId;
  return {
    ...replayed,
    headSeq: document.head_seq,
    restoreEpoch: document.restore_epoch,
    clientIds,
  };
}

/** The document as it stood after `seq`: the newest sound snapshot before it, then the log. */
export async function replay(
  documentId: string,
  seq: number,
  deps: LoadingDeps,
): Promise<{ doc: Y.Doc; snapshotSeq: number; cleanUps: Uint8Array[] }> {
  const snapshot = await deps.snapshots.latest(documentId, seq);
  const snapshotSeq = snapshot?.seq ?? 0;
  const rows = await readUpdates(deps.database.kysely, documentId, snapshotSeq, seq);
  const payloads = rows.map(({ payload }) => payload);
  if (snapshot !== undefined) payloads.unshift(snapshot.state);
  const doc = new Y.Doc();
  const cleanUps: Uint8Array[] = [];
  const collect = (update: Uint8Array, origin: unknown) => {
    if (origin !== loading) cleanUps.push(update);
  };
  doc.on("update", collect);
  doc.transact(() => {
    for (const payload of payloads) Y.applyUpdate(doc, payload, loading);
  }, loading);
  doc.off("update", collect);
  return { doc, snapshotSeq, cleanUps };
}

/** Origin of the one transaction that loads. */
const loading = Symbol("loading");

async function readBindings(documentId: string, database: Database): Promise<ClientBinding[]> {
  const rows = await database.kysely
    .selectFrom("document_clients")
    .select(["client_id", "account_id"])
    .where("document_id", "=", documentId)
    .execute();
  return rows.map((row) => ({ clientId: row.client_id, accountId: row.account_id }));
}
