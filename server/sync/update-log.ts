import type { Kysely } from "kysely";
import type { Tables } from "../database/tables.ts";
import type { ClientBinding } from "./client-ids.ts";
import type { CommitTransaction, UpdateOrigin } from "./types.ts";

/** One row of the log, without its place. */
export interface LogEntry {
  origin: UpdateOrigin;
  payload: Uint8Array;
}

/** What one document has to commit at once. */
export interface DocumentCommit {
  documentId: string;
  /** The last seq that the room knows: the log must still end there. */
  headSeq: number;
  entries: readonly LogEntry[];
  bindings: readonly ClientBinding[];
  /** Access epochs, by account, under which the entries were let in. */
  accessEpochs: ReadonlyMap<string, number>;
  companion?: ((transaction: CommitTransaction) => Promise<void>) | undefined;
}

export type CommitResult =
  | { kind: "committed"; headSeq: number }
  /** The rights of these accounts have changed: nothing was written. */
  | { kind: "staleAccess"; accountIds: string[] }
  /** Someone else wrote to the log. */
  | { kind: "moved" }
  /** The document does not exist any more. */
  | { kind: "gone" };

/** Writes one document's commit into a transaction; what it answers instead leaves no trace. */
export async function writeCommit(
  transaction: CommitTransaction,
  commit: DocumentCommit,
): Promise<CommitResult> {
  const stale = await findStaleAccess(transaction, commit.accessEpochs);
  if (stale.length > 0) return { kind: "staleAccess", accountIds: stale };
  const headSeq = commit.headSeq + commit.entries.length;
  if (commit.entries.length > 0) {
    const advanced = await transaction
      .updateTable("documents")
      .set((column) => ({ head_seq: column("head_seq", "+", commit.entries.length) }))
      .where("id", "=", commit.documentId)
      .where("head_seq", "=", commit.headSeq)
      .returning("head_seq")
      .executeTakeFirst();
    if (advanced === undefined) return explainMissedHead(transaction, commit);
    await insertEntries(transaction, commit);
  }
  await commit.companion?.(transaction);
  return { kind: "committed", headSeq };
}

/** Locks the accounts' rows, so that no right can change between this look and the commit. */
async function findStaleAccess(
  transaction: CommitTransaction,
  expected: ReadonlyMap<string, number>,
): Promise<string[]> {
  if (expected.size === 0) return [];
  const rows = await transaction
    .selectFrom("users")
    .select(["id", "access_epoch"])
    .where("id", "in", [...expected.keys()])
    .orderBy("id")
    .forShare()
    .execute();
  const current = new Map(rows.map((row) => [row.id, row.access_epoch]));
  return [...expected].filter(([id, epoch]) => current.get(id) !== epoch).map(([id]) => id);
}

/** A connection lost during a commit does not tell whether it was done: the log does. */
async function explainMissedHead(
  transaction: CommitTransaction,
  commit: DocumentCommit,
): Promise<CommitResult> {
  const document = await transaction
    .selectFrom("documents")
    .select("head_seq")
    .where("id", "=", commit.documentId)
    .executeTakeFirst();
  if (document === undefined) return { kind: "gone" };
  const headSeq = commit.headSeq + commit.entries.length;
  const rows = await readUpdates(transaction, commit.documentId, commit.headSeq, headSeq);
  const ours =
    rows.length === commit.entries.length &&
    rows.every((row, index) => equalBytes(row.payload, commit.entries[index]?.payload));
  return ours && document.head_seq === headSeq ? { kind: "committed", headSeq } : { kind: "moved" };
}

async function insertEntries(
  transaction: CommitTransaction,
  { documentId, headSeq, entries, bindings }: DocumentCommit,
): Promise<void> {
  await transaction
    .insertInto("document_updates")
    .values(
      entries.map(({ origin, payload }, index) => ({
        document_id: documentId,
        seq: headSeq + 1 + index,
        origin: origin.kind,
        actor_id: origin.kind === "system" ? null : origin.actorId,
        run_id: origin.kind === "run" ? origin.runId : null,
        payload,
      })),
    )
    .execute();
  if (bindings.length === 0) return;
  await transaction
    .insertInto("document_clients")
    .values(
      bindings.map(({ clientId, accountId }) => ({
        document_id: documentId,
        client_id: clientId,
        account_id: accountId,
        first_seq: headSeq + 1,
      })),
    )
    .execute();
}

export interface LoggedUpdate {
  seq: number;
  payload: Uint8Array;
}

/** The log's rows after `afterSeq` up to `lastSeq`, in order. */
export async function readUpdates(
  kysely: Kysely<Tables>,
  documentId: string,
  afterSeq: number,
  lastSeq: number,
): Promise<LoggedUpdate[]> {
  return kysely
    .selectFrom("document_updates")
    .select(["seq", "payload"])
    .where("document_id", "=", documentId)
    .where("seq", ">", afterSeq)
    .where("seq", "<=", lastSeq)
    .orderBy("seq")
    .execute();
}

function equalBytes(left: Uint8Array, right: Uint8Array | undefined): boolean {
  return right !== undefined && Buffer.compare(left, right) === 0;
}
