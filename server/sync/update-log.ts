import { type Kysely, sql } from "kysely";
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

/**
 * Writes one document's commit but for its companion; what it answers instead leaves no
 * trace. It is one statement: a transaction by itself where `kysely` is none.
 */
export async function writeCommit(
  kysely: Kysely<Tables>,
  commit: DocumentCommit,
): Promise<CommitResult> {
  if (commit.entries.length === 0) return { kind: "committed", headSeq: commit.headSeq };
  const { rows } = await sql<Written>`with ${sql.join(steps(commit))}
    select (select head_seq from advanced) as head_seq, array(select id from stale) as stale`.execute(
    kysely,
  );
  const [written] = rows;
  if (written === undefined) throw new Error("a commit answered nothing");
  if (written.stale.length > 0) return { kind: "staleAccess", accountIds: written.stale };
  if (written.head_seq === null) return explainMissedHead(kysely, commit);
  return { kind: "committed", headSeq: written.head_seq };
}

/** What the statement of a commit answers. */
interface Written {
  /** null: the log does not end where it should, or nothing was tried. */
  head_seq: number | null;
  stale: string[];
}

/**
 * The commit's parts, each resting on those before it. `rights` locks the accounts' rows, so that no
 * right can change between this look and the commit; the log is only touched where none has.
 */
function steps({ documentId, headSeq, entries, bindings, accessEpochs }: DocumentCommit) {
  return [
    ...staleAccess(accessEpochs),
    sql`advanced as (
      update documents set head_seq = head_seq + ${entries.length}::bigint
      where id = ${documentId} and head_seq = ${headSeq} and not exists (select from stale)
      returning head_seq)`,
    sql`logged as (
      insert into document_updates (document_id, seq, origin, actor_id, run_id, payload)
      select ${documentId}, entry.* from advanced, (values ${sql.join(
        entries.map(({ origin, payload }, index) => {
          const actorId = origin.kind === "system" ? null : origin.actorId;
          const runId = origin.kind === "run" ? origin.runId : null;
          const seq = headSeq + 1 + index;
          return sql`(${seq}::bigint, ${origin.kind}, ${actorId}::text, ${runId}::text, ${payload}::bytea)`;
        }),
      )}) as entry)`,
    ...bound(documentId, headSeq + 1, bindings),
  ];
}

function staleAccess(expected: ReadonlyMap<string, number>) {
  if (expected.size === 0) return [sql`stale as (select id from users where false)`];
  const epochs = [...expected].map(([id, epoch]) => sql`(${id}, ${epoch}::bigint)`);
  return [
    sql`rights as (
      select id, access_epoch from users where id in (${sql.join([...expected.keys()])})
      order by id for share)`,
    sql`stale as (
      select expected.id from (values ${sql.join(epochs)}) as expected (id, epoch)
      left join rights using (id) where rights.access_epoch is distinct from expected.epoch)`,
  ];
}

function bound(documentId: string, firstSeq: number, bindings: readonly ClientBinding[]) {
  if (bindings.length === 0) return [];
  const rows = bindings.map(
    ({ clientId, accountId }) => sql`(${clientId}::bigint, ${accountId}::text)`,
  );
  return [
    sql`bound as (
      insert into document_clients (document_id, client_id, account_id, first_seq)
      select ${documentId}, client.*, ${firstSeq}::bigint
      from advanced, (values ${sql.join(rows)}) as client)`,
  ];
}

/** A connection lost during a commit does not tell whether it was done: the log does. */
async function explainMissedHead(
  kysely: Kysely<Tables>,
  commit: DocumentCommit,
): Promise<CommitResult> {
  const document = await kysely
    .selectFrom("documents")
    .select("head_seq")
    .where("id", "=", commit.documentId)
    .executeTakeFirst();
  if (document === undefined) return { kind: "gone" };
  const headSeq = commit.headSeq + commit.entries.length;
  const rows = await readUpdates(kysely, commit.documentId, commit.headSeq, headSeq);
  const ours =
    rows.length === commit.entries.length &&
    rows.every((row, index) => equalBytes(row.payload, commit.entries[index]?.payload));
  return ours && document.head_seq === headSeq ? { kind: "committed", headSeq } : { kind: "moved" };
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
