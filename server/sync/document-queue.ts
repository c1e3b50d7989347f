import * as Y from "yjs";
import { type CloseCode, closeCodes } from "#shared/close-codes.ts";
import { sharedTypes, syncLimits } from "#shared/sync-protocol.ts";
import { NotFoundError, UnavailableError } from "../errors.ts";
import type { ClientBinding, ClientIds } from "./client-ids.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { Frontier } from "./frontier.ts";
import { judgeUpdate, type Verdict } from "./guard.ts";
import type { KnownRuns } from "./known-runs.ts";
import { mendEnd } from "./mending.ts";
import type {
  Access,
  AppliedUpdate,
  CommitCompanion,
  CommitTransaction,
  UpdateOrigin,
} from "./types.ts";
import type { LoggedUpdate } from "./update-log.ts";

/** A connection, as the queue sees it. */
export interface Author {
  /** Undefined once it may not write any more: its frames are dropped. */
  readonly writeAccess: Access | undefined;
  /** So many more of its frames are committed. */
  acknowledge(frames: number): void;
  refuse(code: CloseCode, reason: string): void;
}

/** What is in the document now and in the log. */
export interface CommittedUpdate {
  payload: Uint8Array;
  /** Undefined where the server wrote it. */
  author: Author | undefined;
}

export interface DocumentQueueDeps {
  documentId: string;
  doc: Y.Doc;
  headSeq: number;
  /** What Yjs cleaned up while the document was loaded: in the document, not yet in the log. */
  cleanUps: readonly Uint8Array[];
  clientIds: ClientIds;
  knownRuns: KnownRuns;
  commitQueue: CommitQueue;
  /** The log's rows that the room has not seen, where another server wrote some. */
  readLogAfter(seq: number): Promise<LoggedUpdate[]>;
  /** Asks again what these accounts may do; afterwards the authors' `writeAccess` says it. */
  judgeAccess(accountIds: readonly string[]): Promise<void>;
  onApplied(update: AppliedUpdate): void;
  /** In log order, at once after it was applied. */
  onCommitted(update: CommittedUpdate): void;
  /** Everything that was taken together is applied. */
  onSettled(): void;
  /** The document in memory is no longer the log's: the queue is dead. */
  onFailed(error: Error): void;
  /** Runs between a commit and everything that follows from it; a test's way to stop there. */
  afterCommit?: (() => Promise<void>) | undefined;
}

type Turn =
  | { kind: "write"; run(): void; reject(error: Error): void }
  | { kind: "frame"; author: Author; update: Uint8Array }
  | { kind: "barrier"; resolve(): void; reject(error: Error): void };

type FrameTurn = Extract<Turn, { kind: "frame" }>;

/** In the document already, and to be committed with what comes next. */
interface OwnChange {
  origin: UpdateOrigin;
  payload: Uint8Array | undefined;
  transaction: Y.Transaction | undefined;
  companion: ((transaction: CommitTransaction) => Promise<void>) | undefined;
  committed(): void;
  reject(error: Error): void;
}

/** A frame that was let in; without a payload it changes nothing. */
interface JudgedFrame {
  turn: FrameTurn;
  access: Access;
  payload: Uint8Array | undefined;
}

/** Taken together at most: keeps a commit short. */
const batchFrames = 256;
const batchBytes = 1024 * 1024;

/**
 * The one queue of a document: guard, commit, then apply, broadcast and acknowledge, in the order
 * of arrival. A write of the server's is applied at its turn and goes first in its commit; until
 * then `isDurable` is false and nobody may be shown the document.
 */
export class DocumentQueue {
  readonly #deps: DocumentQueueDeps;
  readonly #doc: Y.Doc;
  #turns: Turn[] = [];
  #own: OwnChange[] = [];
  #awaitingCommit: { resolve(): void; reject(error: Error): void }[] = [];
  #queuedBytes = 0;
  #headSeq: number;
  #working = false;
  /** The write that runs now. */
  #writing: OwnChange | undefined;
  #bodyChanged = false;
  #failure: Error | undefined;

  constructor(deps: DocumentQueueDeps) {
    this.#deps = deps;
    this.#doc = deps.doc;
    this.#headSeq = deps.headSeq;
    this.#doc.on("update", this.#onUpdate);
    this.#doc.on("afterTransaction", this.#onTransaction);
    this.#doc.getText(sharedTypes.body).observe(this.#onBody);
    for (const payload of deps.cleanUps) this.#onUpdate(payload, undefined);
  }

  get headSeq(): number {
    return this.#headSeq;
  }

  /** Whether the document holds nothing but what is committed. */
  get isDurable(): boolean {
    return this.#own.length === 0;
  }

  /** Whether nothing waits and nothing is being written. */
  get isIdle(): boolean {
    return !this.#working;
  }

  /** Whether no frame of anyone's waits. */
  get isEmpty(): boolean {
    return this.#turns.length === 0;
  }

  /** Takes a client's update in; refuses the author when too much waits already. */
  push(author: Author, update: Uint8Array): void {
    if (this.#failure !== undefined) return;
    if (this.#queuedBytes + update.length > syncLimits.queuedBytes) {
      author.refuse(closeCodes.overloaded, "too much waits for the database");
      return;
    }
    this.#queuedBytes += update.length;
    this.#enqueue({ kind: "frame", author, update });
  }

  /** See OpenRoom.write. */
  write<Result>(
    origin: UpdateOrigin,
    change: (doc: Y.Doc) => Result,
    alsoCommit?: CommitCompanion<Result>,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const run = () => this.#writeNow({ origin, change, alsoCommit, resolve, reject });
      this.#enqueue({ kind: "write", run, reject });
    });
  }

  /** Resolves once everything that stands in the queue now is applied. */
  settled(): Promise<void> {
    return new Promise((resolve, reject) => this.#enqueue({ kind: "barrier", resolve, reject }));
  }

  /** Calls back at once, or as soon as the document holds nothing but what is committed. */
  whenDurable(callback: () => void): void {
    if (this.isDurable) callback();
    else this.#awaitingCommit.push({ resolve: callback, reject: () => undefined });
  }

  /** Resolves as soon as the document holds nothing but what is committed. */
  durable(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.isDurable) return Promise.resolve();
    return new Promise((resolve, reject) => this.#awaitingCommit.push({ resolve, reject }));
  }

  /** Ends the queue; what waits is rejected with `error`. Idempotent. */
  stop(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#doc.off("update", this.#onUpdate);
    this.#doc.off("afterTransaction", this.#onTransaction);
    this.#doc.getText(sharedTypes.body).unobserve(this.#onBody);
    for (const change of this.#own) change.reject(error);
    for (const turn of this.#turns) if (turn.kind !== "frame") turn.reject(error);
    for (const { reject } of this.#awaitingCommit) reject(error);
    this.#own = [];
    this.#turns = [];
    this.#awaitingCommit = [];
  }

  #enqueue(turn: Turn): void {
    if (this.#failure === undefined) this.#turns.push(turn);
    else if (turn.kind !== "frame") turn.reject(this.#failure);
    this.#start();
  }

  #start(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#work();
  }

  /** Never rejects: whatever goes wrong ends the queue. */
  async #work(): Promise<void> {
    try {
      while (this.#failure === undefined && this.#own.length + this.#turns.length > 0) {
        await this.#takeTogether();
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error("commit failed", { cause: error }));
    } finally {
      this.#working = false;
    }
  }

  async #takeTogether(): Promise<void> {
    this.#takeBarriers();
    const head = this.#turns[0];
    if (head?.kind === "write") {
      this.#turns.shift();
      head.run();
    }
    const { frames, bindings } = await this.#judgeFrames();
    if (this.#failure !== undefined) return;
    const own = [...this.#own];
    const written = frames.filter(({ payload }) => payload !== undefined);
    if (own.length + written.length === 0 || (await this.#commit(own, written, bindings))) {
      this.#conclude(own, frames);
    } else {
      this.#turns.unshift(...frames.map(({ turn }) => turn));
    }
  }

  #takeBarriers(): void {
    for (let head = this.#turns[0]; head?.kind === "barrier"; head = this.#turns[0]) {
      this.#turns.shift();
      head.resolve();
    }
  }

  /** Takes frames up to the next turn of another kind, and judges each against all before it. */
  async #judgeFrames(): Promise<{ frames: JudgedFrame[]; bindings: ClientBinding[] }> {
    const frontier = new Frontier(this.#doc, this.#deps.clientIds);
    const judged: JudgedFrame[] = [];
    let bytes = 0;
    while (judged.length < batchFrames && bytes < batchBytes) {
      const turn = this.#turns[0];
      if (turn?.kind !== "frame") break;
      this.#turns.shift();
      const access = turn.author.writeAccess;
      const verdict = access && (await this.#judge(turn.update, access.accountId, frontier));
      if (this.#failure !== undefined) break;
      if (access === undefined || verdict === undefined) this.#drop(turn);
      else if (verdict.kind === "accepted") {
        bytes += verdict.payload.length;
        judged.push({ turn, access, payload: verdict.payload });
      } else if (verdict.kind === "nothing") judged.push({ turn, access, payload: undefined });
      else {
        this.#drop(turn);
        turn.author.refuse(verdict.code, verdict.reason);
      }
    }
    return { frames: judged, bindings: frontier.bindings };
  }

  /** Looks up what the guard does not know, once, and gives its last word. */
  async #judge(
    update: Uint8Array,
    accountId: string,
    frontier: Frontier,
  ): Promise<Extract<Verdict, { kind: "accepted" | "nothing" | "refused" }>> {
    const { knownRuns } = this.#deps;
    const judge = () => judgeUpdate(update, { accountId, frontier, isRun: knownRuns.has });
    let verdict = judge();
    if (verdict.kind === "notOurCopy" && (await this.#catchUp())) verdict = judge();
    if (verdict.kind === "unknownRuns") {
      await knownRuns.lookUp(verdict.runIds);
      verdict = judge();
    }
    switch (verdict.kind) {
      case "notOurCopy":
        return { kind: "refused", code: closeCodes.notOurCopy, reason: verdict.reason };
      case "unknownRuns":
        return {
          kind: "refused",
          code: closeCodes.malformed,
          reason: "not a run of this document",
        };
      default:
        return verdict;
    }
  }

  /** True where the log knew more than the room. */
  async #catchUp(): Promise<boolean> {
    const rows = await this.#deps.readLogAfter(this.#headSeq);
    for (const { seq, payload } of rows) {
      Y.applyUpdate(this.#doc, payload, new CommittedOrigin({ kind: "system" }));
      this.#headSeq = seq;
      this.#deps.onCommitted({ payload, author: undefined });
    }
    return rows.length > 0;
  }

  /** False where the rights of an author have changed: they were asked for anew. */
  async #commit(
    own: readonly OwnChange[],
    frames: readonly JudgedFrame[],
    newBindings: readonly ClientBinding[],
  ): Promise<boolean> {
    const { documentId, commitQueue, clientIds } = this.#deps;
    const companions = own.flatMap(({ companion }) => companion ?? []);
    const bindings = clientIds.withServer(newBindings, this.#doc);
    const result = await commitQueue.commit({
      documentId,
      headSeq: this.#headSeq,
      entries: [...own, ...frames.map(asEntry)].flatMap(({ origin, payload }) =>
        payload === undefined ? [] : [{ origin, payload }],
      ),
      bindings,
      accessEpochs: new Map(frames.map(({ access }) => [access.accountId, access.accessEpoch])),
      companion: companions.length === 0 ? undefined : runAll(companions),
    });
    switch (result.kind) {
      case "committed":
        this.#headSeq = result.headSeq;
        clientIds.bind(bindings);
        await this.#deps.afterCommit?.();
        return true;
      case "staleAccess":
        await this.#deps.judgeAccess(result.accountIds);
        return false;
      case "moved":
        throw new UnavailableError("The document was changed by another server.");
      case "gone":
        throw new NotFoundError();
    }
  }

  /** Everything is durable: show it, in the log's order, and tell the authors. */
  #conclude(own: readonly OwnChange[], frames: readonly JudgedFrame[]): void {
    if (this.#failure !== undefined) return;
    this.#own = this.#own.slice(own.length);
    for (const change of own) this.#publishOwn(change);
    for (const frame of frames) this.#applyFrame(frame);
    const counts = new Map<Author, number>();
    for (const { turn } of frames) counts.set(turn.author, (counts.get(turn.author) ?? 0) + 1);
    for (const [author, count] of counts) author.acknowledge(count);
    this.#mendEnd();
    if (this.isDurable) for (const { resolve } of this.#awaitingCommit.splice(0)) resolve();
    this.#deps.onSettled();
  }

  #publishOwn({ origin, payload, transaction, committed }: OwnChange): void {
    if (payload !== undefined) {
      if (transaction !== undefined) this.#deps.onApplied({ origin, transaction });
      this.#deps.onCommitted({ payload, author: undefined });
    }
    committed();
  }

  #applyFrame({ turn, access, payload }: JudgedFrame): void {
    this.#queuedBytes -= turn.update.length;
    if (payload === undefined) return;
    const origin: UpdateOrigin = { kind: "user", actorId: access.accountId };
    Y.applyUpdate(this.#doc, payload, new CommittedOrigin(origin));
    this.#deps.onCommitted({ payload, author: turn.author });
  }

  #drop(turn: FrameTurn): void {
    this.#queuedBytes -= turn.update.length;
  }

  /** Runs a write of the server's at its turn; what it changed goes with the commit that follows. */
  #writeNow<Result>(write: Write<Result>): void {
    const own: OwnChange = {
      origin: write.origin,
      payload: undefined,
      transaction: undefined,
      companion: undefined,
      committed: () => undefined,
      reject: write.reject,
    };
    this.#writing = own;
    try {
      const result = this.#doc.transact((transaction) => {
        own.transaction = transaction;
        return write.change(this.#doc);
      }, own);
      const { alsoCommit } = write;
      if (alsoCommit !== undefined) {
        own.companion = (transaction) => alsoCommit(transaction, result);
      }
      own.committed = () => write.resolve(result);
      if (own.payload !== undefined || own.companion !== undefined) this.#own.push(own);
      else own.committed();
    } catch (error) {
      const failure = error instanceof Error ? error : new Error("write failed", { cause: error });
      write.reject(failure);
      // Half a change is in the document and cannot be taken back.
      if (own.payload !== undefined) throw failure;
    } finally {
      this.#writing = undefined;
    }
  }

  #mendEnd(): void {
    if (!this.#bodyChanged) return;
    this.#bodyChanged = false;
    const ignore = () => undefined;
    const origin: UpdateOrigin = { kind: "system" };
    this.#writeNow({ origin, change: mendEnd, resolve: ignore, reject: ignore });
  }

  /** Collects what the server's own document writes: its writes, and Yjs's clean-ups after others'. */
  readonly #onUpdate = (payload: Uint8Array, origin: unknown): void => {
    if (origin instanceof CommittedOrigin) return;
    if (this.#writing !== undefined && origin === this.#writing) {
      this.#writing.payload = payload;
      return;
    }
    this.#own.push({
      origin: { kind: "system" },
      payload,
      transaction: undefined,
      companion: undefined,
      committed: () => undefined,
      reject: () => undefined,
    });
    this.#start();
  };

  readonly #onBody = (): void => {
    this.#bodyChanged = true;
  };

  readonly #onTransaction = (transaction: Y.Transaction): void => {
    const { origin } = transaction;
    if (origin instanceof CommittedOrigin) {
      this.#deps.onApplied({ origin: origin.origin, transaction });
    }
  };

  #fail(error: Error): void {
    this.stop(error);
    this.#deps.onFailed(error);
  }
}

interface Write<Result> {
  origin: UpdateOrigin;
  change: (doc: Y.Doc) => Result;
  alsoCommit?: CommitCompanion<Result> | undefined;
  resolve(result: Result): void;
  reject(error: Error): void;
}

/** Marks the transactions that apply what the log already holds. */
class CommittedOrigin {
  readonly origin: UpdateOrigin;

  constructor(origin: UpdateOrigin) {
    this.origin = origin;
  }
}

function asEntry({ access, payload }: JudgedFrame) {
  const origin: UpdateOrigin = { kind: "user", actorId: access.accountId };
  return { origin, payload };
}

function runAll(companions: readonly ((transaction: CommitTransaction) => Promise<void>)[]) {
  return async (transaction: CommitTransaction) => {
    for (const companion of companions) await companion(transaction);
  };
}
