import type { Kysely } from "kysely";
import * as Y from "yjs";
import type { Actor, DocumentAction } from "#shared/permissions.ts";
import { isLive, type Run, type RunReason } from "#shared/run.ts";
import type { SamplingInput } from "#shared/sampling.ts";
import type { StartRunInput } from "#shared/socket-events.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import {
  ConflictError,
  ForbiddenError,
  InvalidError,
  NotFoundError,
  UnavailableError,
} from "../errors.ts";
import { type Clock, systemClock } from "../jobs/clock.ts";
import type { Logger } from "../observability/logger.ts";
import type { Spending } from "../quotas/spending.ts";
import type { Rooms } from "../sync/types.ts";
import { baselineOf } from "./caret.ts";
import { createDocumentQueue } from "./document-queue.ts";
import { newRecord } from "./new-record.ts";
import type { RunDependencies, RunDocuments, RunModels, RunPublisher } from "./run-dependencies.ts";
import { type RunRecord, toRun } from "./run-record.ts";
import { RunSession } from "./run-session.ts";
import { illegalTransition } from "./run-status.ts";
import { createRunStore } from "./run-store.ts";

export interface RunCommandInput {
  documentId: string;
  /** base64 of a Y state vector that the command waits for. */
  seen?: string | undefined;
}

/** Runs: the model's writing in shared documents. Every command throws AppErrors. */
export interface Generation {
  start(actor: Actor, input: StartRunInput): Promise<Run>;
  pause(actor: Actor, input: RunCommandInput): Promise<Run>;
  resume(actor: Actor, input: RunCommandInput): Promise<Run>;
  /** `alsoSave` writes into the transaction that saves the run's end. */
  stop(
    actor: Actor,
    input: RunCommandInput,
    alsoSave?: (run: Run, transaction: Kysely<Tables>) => Promise<void>,
  ): Promise<Run>;
  tune(actor: Actor, input: RunCommandInput & { sampling: SamplingInput }): Promise<Run>;
  /** Each document's live run, else its most recent one. */
  latest(documentIds: readonly string[]): Promise<Map<string, Run>>;
  /** At the server's start: what was at work when it ended is paused as `interrupted`. */
  recover(): Promise<void>;
  /** Pauses runs whose starter may no longer generate (null account: anyone's, null document: everywhere). */
  accessChanged(accountId: string | null, documentId: string | null): Promise<void>;
  /** Pauses all runs as `interrupted` and lets everything go. */
  close(): Promise<void>;
}

export interface GenerationOptions {
  database: Database;
  rooms: Rooms;
  models: RunModels;
  documents: RunDocuments;
  publish: RunPublisher;
  /** What people may have written, and how many runs at once. */
  spending: Spending;
  logger: Logger;
  clock?: Clock;
}

const seenTimeoutMs = 2_000;
/** A database that is away may keep a run from ending; the next start recovers it. */
const closeTimeoutMs = 5_000;

export function createGeneration(options: GenerationOptions): Generation {
  const { database, clock = systemClock, ...parts } = options;
  const { rooms, models, documents, spending, logger } = parts;
  const store = createRunStore(database);
  const deps: RunDependencies = { ...parts, store, clock };
  const queue = createDocumentQueue();
  /** Live runs by document, of those that this process has touched. */
  const sessions = new Map<string, RunSession>();
  /** Documents in which a command is about to set a run off: who takes a right away waits for it. */
  const settingOff = new Set<string>();
  let closing: Promise<void> | undefined;

  /** Runs a command of one document at its turn, once the server has what the person saw. */
  async function command<Result>(
    actor: Actor,
    input: RunCommandInput,
    action: DocumentAction,
    task: () => Promise<Result>,
  ): Promise<Result> {
    requireOpen();
    await documents.requireAccess(actor, input.documentId, action);
    await waitForSeen(input);
    return queue.run(input.documentId, async () => {
      requireOpen();
      // The right may have gone while the command waited.
      await documents.requireAccess(actor, input.documentId, action);
      return task().finally(() => settingOff.delete(input.documentId));
    });
  }

  /** The last look before a run goes to work: the right may have gone while the model was loaded. */
  async function clearToSetOff(
    actor: Actor,
    documentId: string,
    action: DocumentAction,
  ): Promise<void> {
    requireOpen();
    settingOff.add(documentId);
    await documents.requireAccess(actor, documentId, action);
  }

  /** What a resumed run writes counts for whoever started it, whose account must be active. */
  async function clearToResume(
    actor: Actor,
    { id, documentId, startedBy }: RunRecord,
  ): Promise<void> {
    await clearToSetOff(actor, documentId, "steer");
    if ((await store.activeAccount(startedBy.id)) === undefined) throw starterGone(startedBy.name);
    await spending.admit(startedBy.id, (transaction) => store.queue(id, transaction));
  }

  function requireOpen(): void {
    if (closing) throw new UnavailableError("The server is stopping. Try again in a moment.");
  }

  async function waitForSeen({ documentId, seen }: RunCommandInput): Promise<void> {
    if (seen === undefined) return;
    const stateVector = readStateVector(seen);
    const room = await rooms.open(documentId);
    try {
      if (await room.hasSeen(stateVector, seenTimeoutMs)) return;
    } finally {
      room.release();
    }
    throw new ConflictError(
      "not_synced",
      "The server does not have your latest words yet. Try again when they are saved.",
    );
  }

  /** The document's live run. Throws `illegal_transition` for `event` where there is none. */
  async function liveSession(
    documentId: string,
    event: "pause" | "resume" | "stop",
  ): Promise<RunSession> {
    const known = sessions.get(documentId);
    if (known && isLive(known.record.status.state)) return known;
    const record = (await store.latest([documentId])).get(documentId);
    if (record === undefined || !isLive(record.status.state)) {
      throw illegalTransition(record?.status.state, event);
    }
    return openSession(record);
  }

  function openSession(record: RunRecord): RunSession {
    const { documentId } = record;
    const session: RunSession = new RunSession(deps, record, () => {
      if (sessions.get(documentId) === session) sessions.delete(documentId);
    });
    sessions.set(documentId, session);
    return session;
  }

  async function begin(actor: Actor, input: StartRunInput): Promise<Run> {
    const { documentId } = input;
    const model = await models.load(input.model);
    requireOpen();
    const room = await rooms.open(documentId);
    try {
      const [{ sampling, memory }] = await Promise.all([
        store.settings(documentId),
        clearToSetOff(actor, documentId, "generate"),
      ]);
      const record = newRecord(actor, input, room, model, sampling);
      await spending.admit(actor.id, (transaction) => store.insert(record, transaction));
      const run = toRun(record);
      const baseline = baselineOf(room.doc);
      await openSession(record).begin({ model, room, baseline, memory });
      return run;
    } catch (error) {
      room.release();
      throw error;
    }
  }

  /** Waits for the command under way there, which may be setting a run off. */
  async function pauseWithoutRight(accountId: string | null, documentId: string): Promise<void> {
    await queue.run(documentId, async () => {
      const session = sessions.get(documentId);
      if (session === undefined || !isAtWork(session)) return;
      const { startedBy } = session.record;
      if (accountId !== null && startedBy.id !== accountId) return;
      if (!(await mayGenerate(startedBy.id, documentId))) await interrupt(session, "access");
    });
  }

  async function mayGenerate(accountId: string, documentId: string): Promise<boolean> {
    const account = await store.activeAccount(accountId);
    if (account === undefined) return false;
    try {
      await documents.requireAccess(account, documentId, "generate");
      return true;
    } catch (error) {
      if (error instanceof NotFoundError || error instanceof ForbiddenError) return false;
      throw error;
    }
  }

  async function closeDocument(documentId: string): Promise<void> {
    const before = sessions.get(documentId);
    const session = await queue.run(documentId, async () => {
      const atWork = sessions.get(documentId);
      if (atWork) await interrupt(atWork, "interrupted");
      return atWork ?? before;
    });
    await session?.close();
  }

  return {
    start: (actor, input) => command(actor, input, "generate", () => begin(actor, input)),
    pause: (actor, input) =>
      command(actor, input, "steer", async () => {
        const session = await liveSession(input.documentId, "pause");
        await session.pause({ event: "pause", reason: "by_person" }, actor);
        return toRun(session.record);
      }),
    resume: (actor, input) =>
      command(actor, input, "steer", async () => {
        const session = await liveSession(input.documentId, "resume");
        await session.resume(actor, () => clearToResume(actor, session.record));
        return toRun(session.record);
      }),
    stop: (actor, input, alsoSave) =>
      command(actor, input, "stop", async () => {
        const session = await liveSession(input.documentId, "stop");
        const { record } = session;
        await session.stop(actor, alsoSave && ((saving) => alsoSave(toRun(record), saving)));
        return toRun(record);
      }),
    tune: (actor, input) =>
      command(actor, input, "generate", async () => {
        const session = await liveSession(input.documentId, "pause");
        await session.tune(input.sampling, actor);
        return toRun(session.record);
      }),
    async latest(documentIds) {
      const records = await store.latest(documentIds);
      const inMemory = documentIds.flatMap((id) => sessions.get(id)?.record ?? []);
      for (const record of inMemory) {
        const stored = records.get(record.documentId);
        if (stored?.id === record.id) records.set(record.documentId, record);
      }
      return new Map([...records].map(([id, record]) => [id, toRun(record)]));
    },
    async recover() {
      const runs = await store.interruptAll();
      if (runs > 0) logger.info({ runs }, "interrupted runs wait for resume");
    },
    async accessChanged(accountId, documentId) {
      const atWork = [...sessions.values()].filter(isAtWork).map(({ record }) => record);
      const theirs = atWork.filter(
        ({ startedBy }) => accountId === null || startedBy.id === accountId,
      );
      const concerned = new Set([...theirs.map((record) => record.documentId), ...settingOff]);
      await Promise.all(
        [...concerned]
          .filter((id) => documentId === null || id === documentId)
          .map((id) => pauseWithoutRight(accountId, id)),
      );
    },
    close() {
      closing ??= Promise.race<unknown>([
        Promise.all([...new Set([...sessions.keys(), ...settingOff])].map(closeDocument)),
        new Promise<void>((resolve) => clock.after(closeTimeoutMs, resolve)),
      ]).then(() => undefined);
      return closing;
    },
  };
}

function readStateVector(seen: string): Uint8Array {
  const stateVector = Buffer.from(seen, "base64");
  try {
    Y.decodeStateVector(stateVector);
    return stateVector;
  } catch {
    throw new InvalidError("What the page says it saw cannot be read.", { field: "seen" });
  }
}

function starterGone(name: string): ForbiddenError {
  return new ForbiddenError(
    `The account of ${name}, who started this run, is not active now. The run can be stopped; its text stays.`,
  );
}

function isAtWork(session: RunSession): boolean {
  const { state } = session.record.status;
  return state === "queued" || state === "streaming";
}

/** Pauses a run that is at work; that it ended by itself meanwhile is as good. */
async function interrupt(session: RunSession, reason: RunReason): Promise<void> {
  if (!isAtWork(session)) return;
  try {
    await session.pause({ event: "interrupt", reason });
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}
