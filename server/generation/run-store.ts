import { type Kysely, sql } from "kysely";
import * as Y from "yjs";
import { liveRunStates } from "#shared/run.ts";
import { type SamplingInput, samplingInputSchema, samplingSchema } from "#shared/sampling.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { ConflictError } from "../errors.ts";
import type { CommitTransaction } from "../sync/types.ts";
import type { RunRecord } from "./run-record.ts";
import { reasonsOf, statusOf } from "./run-status.ts";
import type { WrittenToken } from "./token-map.ts";

/** One token of a flush, as `run_tokens` keeps it. */
export interface TokenRow extends WrittenToken {
  index: number;
  logprob: number;
}

/** Characters of one client that a run inserted: clocks [from, to). */
export interface ItemRange {
  client: number;
  from: number;
  to: number;
}

/** Characters that one of the document's runs inserted. */
export interface OwnedRange extends ItemRange {
  run: string;
}

/** What one flush adds to a run. */
export interface FlushRows {
  tokens: readonly TokenRow[];
  items: readonly ItemRange[];
  /** The run's columns as they are after it; commands change the others. */
  run: Pick<RunRecord, "caret" | "tokens" | "promptTokens" | "contextTokens">;
}

/** What the owner set for a document's runs. */
export interface RunSettings {
  sampling: SamplingInput;
  memory: string;
}

/** Writes what belongs to a change of a run into the transaction that saves it. */
export type SaveCompanion = (transaction: Kysely<Tables>) => Promise<void>;

/** Runs in the database. */
export interface RunStore {
  /** Throws ConflictError `run_exists` when the document has a live run. */
  insert(record: RunRecord, transaction?: Kysely<Tables>): Promise<void>;
  /** Lets the run count as at work before it is. */
  queue(runId: string, transaction: Kysely<Tables>): Promise<void>;
  /** Saves what is not of the text (tokens and caret are the flushes' own), in one with `companions`. */
  save(record: RunRecord, companions?: readonly SaveCompanion[]): Promise<void>;
  find(runId: string): Promise<RunRecord | undefined>;
  /** Each document's live run, else its most recent one. */
  latest(documentIds: readonly string[]): Promise<Map<string, RunRecord>>;
  /** The document's newest runs and when each was started, newest first. */
  history(documentId: string, limit: number): Promise<{ record: RunRecord; createdAt: Date }[]>;
  /** The rows of one flush, inside the transaction that commits its text. */
  saveFlush(transaction: CommitTransaction, runId: string, flush: FlushRows): Promise<void>;
  /** The run's newest tokens in the order in which they were written. */
  newestTokens(runId: string, limit: number): Promise<WrittenToken[]>;
  /** What all of the document's runs inserted, by client and clock. */
  ownedRanges(documentId: string): Promise<OwnedRange[]>;
  /** All that the run wrote, in the order in which it did. */
  writtenText(runId: string): Promise<string>;
  /** The document's updates since the run last wrote, or since it was started. */
  updatesSince(record: RunRecord): Promise<Uint8Array[]>;
  settings(documentId: string): Promise<RunSettings>;
  /** Pauses every run that was at work, as `interrupted`; resolves with how many. */
  interruptAll(): Promise<number>;
  /** The account as it is now; undefined where it may do nothing any more. */
  activeAccount(
    accountId: string,
  ): Promise<Pick<Tables["users"], "id" | "name" | "role"> | undefined>;
}

export function createRunStore({ kysely }: Database): RunStore {
  return {
    async insert(record, transaction = kysely) {
      const { id, documentId: document_id, model } = record;
      const row = {
        id,
        document_id,
        model,
        started_by: record.startedBy.id,
        context_limit: record.contextLimit,
        ...columns(record),
        ...progress(record),
      };
      try {
        await transaction.insertInto("runs").values(row).execute();
      } catch (error) {
        throw isUniqueViolation(error) ? runExists() : error;
      }
    },
    async queue(runId, transaction) {
      const changes = { state: "queued", changed_at: new Date() } as const;
      await transaction.updateTable("runs").set(changes).where("id", "=", runId).execute();
    },
    async save(record, companions = []) {
      const save = (executor: Kysely<Tables>) =>
        executor.updateTable("runs").set(columns(record)).where("id", "=", record.id).execute();
      if (companions.length === 0) return void (await save(kysely));
      await kysely.transaction().execute(async (transaction) => {
        await save(transaction);
        for (const companion of companions) await companion(transaction);
      });
    },
    async find(runId) {
      const row = await selectRuns(kysely).where("runs.id", "=", runId).executeTakeFirst();
      return row && toRecord(row);
    },
    async latest(documentIds) {
      if (documentIds.length === 0) return new Map();
      const rows = await selectRuns(kysely)
        .distinctOn("runs.document_id")
        .where("runs.document_id", "in", documentIds)
        .orderBy("runs.document_id")
        .orderBy((eb) => eb("runs.state", "in", [...liveRunStates]), "desc")
        .orderBy("runs.created_at", "desc")
        .execute();
      return new Map(rows.map((row) => [row.document_id, toRecord(row)]));
    },
    async history(documentId, limit) {
      const rows = await selectRuns(kysely)
        .where("runs.document_id", "=", documentId)
        .orderBy("runs.created_at", "desc")
        .limit(limit)
        .execute();
      return rows.map((row) => ({ record: toRecord(row), createdAt: row.created_at }));
    },
    async saveFlush(transaction, runId, flush) {
      await saveFlush(transaction, runId, flush);
    },
    async newestTokens(runId, limit) {
      const rows = await kysely
        .selectFrom("run_tokens")
        .select(["token_id", "text", "client", "clock"])
        .where("run_id", "=", runId)
        .orderBy("index", "desc")
        .limit(limit)
        .execute();
      return rows.reverse().map(({ token_id: id, text, client, clock }) => ({
        id,
        text,
        first: client === null || clock === null ? null : { client, clock },
      }));
    },
    async ownedRanges(documentId) {
      const rows = await kysely
        .selectFrom("run_items")
        .innerJoin("runs", "runs.id", "run_items.run_id")
        .select(["run_id", "client", "clock_from", "clock_to"])
        .where("document_id", "=", documentId)
        .orderBy("client")
        .orderBy("clock_from")
        .execute();
      return rows.map(({ run_id: run, client, clock_from: from, clock_to: to }) => ({
        run,
        client,
        from,
        to,
      }));
    },
    async writtenText(runId) {
      const rows = await kysely
        .selectFrom("run_tokens")
        .select("text")
        .where("run_id", "=", runId)
        .orderBy("index")
        .execute();
      return rows.map(({ text }) => text).join("");
    },
    async updatesSince(record) {
      const rows = await kysely
        .selectFrom("document_updates")
        .select("payload")
        .where("document_id", "=", record.documentId)
        .where("seq", ">", await lastSeqOf(kysely, record))
        .execute();
      return rows.map((row) => row.payload);
    },
    async settings(documentId) {
      const row = await kysely
        .selectFrom("document_settings")
        .select(["sampling", "memory"])
        .where("document_id", "=", documentId)
        .executeTakeFirst();
      return {
        sampling: samplingInputSchema.parse(row?.sampling ?? {}),
        memory: row?.memory ?? "",
      };
    },
    async interruptAll() {
      const result = await kysely
        .updateTable("runs")
        .set({ state: "paused", reason: "interrupted", changed_at: new Date() })
        .where("state", "in", ["queued", "streaming"])
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    },
    async activeAccount(accountId) {
      return kysely
        .selectFrom("users")
        .select(["id", "name", "role"])
        .where("id", "=", accountId)
        .where("status", "=", "active")
        .executeTakeFirst();
    },
  };
}

function selectRuns(kysely: Kysely<Tables>) {
  return kysely
    .selectFrom("runs")
    .innerJoin("users as starter", "starter.id", "runs.started_by")
    .innerJoin("users as changer", "changer.id", "runs.changed_by")
    .selectAll("runs")
    .select(["starter.name as starter_name", "changer.name as changer_name"]);
}

type RunRow = Awaited<ReturnType<ReturnType<typeof selectRuns>["executeTakeFirstOrThrow"]>>;

function toRecord(row: RunRow): RunRecord {
  return {
    id: row.id,
    documentId: row.document_id,
    model: row.model,
    sampling: samplingSchema.parse(row.sampling),
    status: statusOf(row.state, row.finish_reason, row.reason),
    caret: Y.decodeRelativePosition(row.caret),
    startedBy: { id: row.started_by, name: row.starter_name },
    changedBy: { id: row.changed_by, name: row.changer_name },
    tokens: row.tokens,
    promptTokens: row.prompt_tokens,
    contextTokens: row.context_tokens,
    contextLimit: row.context_limit,
  };
}

/** The columns that commands and mishaps change. */
function columns(record: RunRecord) {
  const { finishReason: finish_reason, reason } = reasonsOf(record.status);
  return {
    sampling: JSON.stringify(record.sampling),
    seed: record.sampling.seed,
    state: record.status.state,
    finish_reason,
    reason,
    changed_by: record.changedBy.id,
    changed_at: new Date(),
  };
}

/** The columns that change with each flush, and with nothing else: they belong to the text. */
function progress(run: FlushRows["run"]) {
  return {
    caret: Y.encodeRelativePosition(run.caret),
    tokens: run.tokens,
    prompt_tokens: run.promptTokens,
    context_tokens: run.contextTokens,
  };
}

/**
 * One statement, which is the same for any number of tokens: while it is on its way, what people
 * write waits.
 */
function saveFlush(kysely: Kysely<Tables>, runId: string, { tokens, items, run }: FlushRows) {
  const { caret, tokens: count, prompt_tokens, context_tokens } = progress(run);
  return sql`
    with written as (
      insert into run_tokens (run_id, index, token_id, text, logprob, client, clock)
      select ${runId}::text, token.* from json_to_recordset(${JSON.stringify(tokens.map(tokenRow))}::json)
      as token (index integer, id integer, text text, logprob real, client bigint, clock bigint)
    ), extended as (
      insert into run_items (run_id, client, clock_from, clock_to)
      select ${runId}::text, item.* from json_to_recordset(${JSON.stringify(items)}::json)
      as item (client bigint, "from" bigint, "to" bigint)
      on conflict (run_id, client, clock_from) do update set clock_to = excluded.clock_to
    )
    update runs set state = 'streaming', changed_at = ${new Date()}, caret = ${caret},
      tokens = ${count}, prompt_tokens = ${prompt_tokens}, context_tokens = ${context_tokens}
    where id = ${runId}`.execute(kysely);
}

function tokenRow({ index, id, text, logprob, first }: TokenRow) {
  return { index, id, text, logprob, client: first?.client, clock: first?.clock };
}

/** The log's place at the run's last write; before its first, the place at its Start. */
async function lastSeqOf(kysely: Kysely<Tables>, record: RunRecord): Promise<number> {
  const updates = kysely
    .selectFrom("document_updates")
    .select((eb) => eb.fn.max("seq").as("seq"))
    .where("document_id", "=", record.documentId);
  const written = await updates.where("run_id", "=", record.id).executeTakeFirst();
  if (written?.seq) return written.seq;
  const startedAt = kysely.selectFrom("runs").select("created_at").where("id", "=", record.id);
  const before = await updates.where("created_at", "<", startedAt).executeTakeFirst();
  return before?.seq ?? 0;
}

/** SQLSTATE 23505; of a run's insert only the index of live runs can raise it. */
function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "23505";
}

function runExists(): ConflictError {
  return new ConflictError("run_exists", "A run is already going on in this document.");
}
