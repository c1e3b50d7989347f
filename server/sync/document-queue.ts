import * as Y from "yjs";
import { type CloseCode, closeCodes } from "#shared/close-codes.ts";
import { syncLimits } from "#shared/sync-protocol.ts";
import { NotFoundError, UnavailableError } from "../errors.ts";
import type { ClientBinding, ClientIds } from "./client-ids.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { Frontier } from "./frontier.ts";
import { type FinalVerdict, judgeWithLookUps } from "./judging.ts";
import type { KnownRuns } from "./known-runs.ts";
import { CommittedOrigin, type OwnChange, OwnChanges } from "./own-changes.ts";
import type { Access, AppliedUpdate, CommitCompanion, UpdateOrigin } from "./types.ts";
import type { DocumentCommit, LogEntry, LoggedUpdate } from "./update-log.ts";

/** A connection, as the queue sees it. */
export interface Author {
  /** Undefined once it may not write any more: its frames are dropped. */
  readonly writeAccess: Access | undefined;
  /** So many more of its frames are committed. */
  acknowledge(frames: number): void;
  /** A frame was left out, as it may not write. */
  drop(): void;
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
  /** In log order, before it is applied here. */
  onCommitted(update: CommittedUpdate): void;
  /** Everything that was taken together is applied. */
  onSettled(): void;
  /** The document in memory is no longer the log's: the queue is dead. */
  onFailed(error: Error): void;
  /** Called and waited for around each commit: a test's way to let the process die right there. */
  beforeCommit?: (() => Promise<void>) | undefined;
  afterCommit?: (() => Promise<void>) | undefined;
}

type Turn =
  | { kind: "write"; run: () => void; reject: (error: Error) => void }
  | { kind: "frame"; author: Author; update: Uint8Array }
  | { kind: "barrier"; resolve: () => void; reject: (error: Error) => void };

type FrameTurn = Extract<Turn, { kind: "frame" }>;

/** A frame that was let in; without a payload it changes nothing. */
interface JudgedFrame {
  turn: FrameTurn;
  access: Access;
  payload: Uint8Array | undefined;
}

/** What is committed in one go. */
interface Batch {
  own: readonly OwnChange[];
  frames: readonly JudgedFrame[];
  bindings: readonly ClientBinding[];
}

/** Keeps a commit short. */
const batchLimits = { frames: 256, bytes: 1024 * 1024 } as const;

/** What a waiting frame costs besides its bytes: millions of tiny ones are no small thing either. */
const frameOverheadBytes = 256;

/**
 * The one queue of a document: guard, commit, then apply, broadcast and acknowledge, in the order
 * of arrival. A write of the server's is applied at its turn and goes first in its commit; until
 * then `isDurable` is false and nobody may be shown the document.
 */
export class DocumentQueue {
  readonly #deps: DocumentQueueDeps;
  readonly #doc: Y.Doc;
  readonly #own: OwnChanges;
  #turns: Turn[] = [];
  #awaitingCommit: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #queuedBytes = 0;
  #headSeq: number;
  #working = false;
  #failure: Error | undefined;

  constructor(deps: DocumentQueueDeps) {
    this.#deps = deps;
    this.#doc = deps.doc;
    this.#headSeq = deps.headSeq;
    this.#own = new OwnChanges(deps.doc, () => this.#start());
    for (const payload of deps.cleanUps) this.#own.addCleanUp(payload);
    this.#doc.on("afterTransaction", this.#onTransaction);
  }

  get headSeq(): number {
    return this.#headSeq;
  }

  /** Whether the document holds nothing but what is committed. */
  get isDurable(): boolean {
    return this.#own.pending.length === 0;
  }

  /** Whether nothing waits and nothing is being written. */
  get isIdle(): boolean {
    return !this.#working;
  }

  /** Whether nobody's frame waits. */
  get isEmpty(): boolean {
    return this.#turns.length === 0;
  }

  /** Takes a client's update in; refuses the author when too much waits already. */
  push(author: Author, update: Uint8Array): void {
    if (this.#failure !== undefined) return;
    if (this.#queuedBytes + costOf(update) > syncLimits.queuedBytes) {
      author.refuse(closeCodes.overloaded, "too much waits for the database");
      return;
    }
    this.#queuedBytes += costOf(update);
    this.#enqueue({ kind: "frame", author, update });
  }

  /** See OpenRoom.write. */
  write<Result>(
    origin: UpdateOrigin,
    change: (doc: Y.Doc) => Result,
    alsoCommit?: CommitCompanion<Result>,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const run = () => this.#own.write({ origin, change, alsoCommit, resolve, reject });
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
    this.#doc.off("afterTransaction", this.#onTransaction);
    this.#own.stop(error);
    for (const turn of this.#turns) if (turn.kind !== "frame") turn.reject(error);
    for (const waiting of this.#awaitingCommit) waiting.reject(error);
    this.#turns = [];
    this.#awaitingCommit = [];
  }

  #enqueue(turn: Turn): void {
    if (this.#failure === undefined) this.#turns.push(turn);
    else if (turn.kind !== "frame") turn.reject(this.#failure);
    this.#start();
  }

  #start(): void {
    if (this.#working || this.#failure !== undefined) return;
    this.#working = true;
    void this.#work();
  }

  /** Never rejects: whatever goes wrong ends the queue. */
  async #work(): Promise<void> {
    try {
      while (this.#failure === undefined && !(this.isDurable && this.isEmpty)) {
        await this.#takeTogether();
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error("commit failed", { cause: error }));
    } finally {
      this.#working = false;
    }
  }

  async #takeTogether(): Promise<void> {
    this.#passBarriers();
    const head = this.#turns[0];
    if (head?.kind === "write") {
      this.#turns.shift();
      head.run();
    }
    const judged = await this.#judgeFrames();
    const batch: Batch = { ...judged, own: [...this.#own.pending] };
    if (this.#failure === undefined && (await this.#commit(batch))) this.#conclude(batch);
  }

  #passBarriers(): void {
    for (let head = this.#turns[0]; head?.kind === "barrier"; head = this.#turns[0]) {
      this.#turns.shift();
      head.resolve();
    }
  }

  /** Takes frames up to the next turn of another kind, and judges each against all before it. */
  async #judgeFrames(): Promise<Pick<Batch, "frames" | "bindings">> {
    const frontier = new Frontier(this.#doc, this.#deps.clientIds);
    const frames: JudgedFrame[] = [];
    for (let bytes = 0; frames.length < batchLimits.frames && bytes < batchLimits.bytes; ) {
      const turn = this.#turns[0];
      if (turn?.kind !== "frame") break;
      this.#turns.shift();
      const frame = await this.#judgeFrame(turn, frontier);
      if (frame === undefined) this.#queuedBytes -= costOf(turn.update);
      else frames.push(frame);
      bytes += frame?.payload?.length ?? 0;
    }
    return { frames, bindings: frontier.bindings };
  }

  /** Undefined where it is not to be written; its author knows why. */
  async #judgeFrame(turn: FrameTurn, frontier: Frontier): Promise<JudgedFrame | undefined> {
    const access = turn.author.writeAccess;
    if (access === undefined) {
      turn.author.drop();
      return undefined;
    }
    const verdict: FinalVerdict = await judgeWithLookUps(turn.update, access.accountId, {
      frontier,
      knownRuns: this.#deps.knownRuns,
      catchUp: () => this.#catchUp(),
    });
    switch (verdict.kind) {
      case "accepted":
        return { turn, access, payload: verdict.payload };
      case "nothing":
        return { turn, access, payload: undefined };
      case "refused":
        turn.author.refuse(verdict.code, verdict.reason);
        return undefined;
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
  async #commit(batch: Batch): Promise<boolean> {
    const commit = this.#describe(batch);
    if (commit.entries.length === 0 && commit.companion === undefined) return true;
    await this.#deps.beforeCommit?.();
    const result = await this.#deps.commitQueue.commit(commit);
    switch (result.kind) {
      case "committed":
        this.#headSeq = result.headSeq;
        this.#deps.clientIds.bind(commit.bindings);
        await this.#deps.afterCommit?.();
        return true;
      case "staleAccess":
        await this.#deps.judgeAccess(result.accountIds);
        this.#turns.unshift(...batch.frames.map(({ turn }) => turn));
        return false;
      case "moved":
        throw new UnavailableError("The document was changed by another server.");
      case "gone":
        throw new NotFoundError();
    }
  }

  #describe({ own, frames, bindings }: Batch): DocumentCommit {
    const companions = own.flatMap(({ companion }) => companion ?? []);
    const written = frames.filter(({ payload }) => payload !== undefined);
    return {
      documentId: this.#deps.documentId,
      headSeq: this.#headSeq,
      entries: [...own.flatMap(toEntry), ...written.map(fromUser).flatMap(toEntry)],
      bindings: this.#deps.clientIds.withServer(bindings, this.#doc),
      accessEpochs: new Map(written.map(({ access }) => [access.accountId, access.accessEpoch])),
      companion:
        companions.length === 0
          ? undefined
          : async (transaction) => {
              for (const companion of companions) await companion(transaction);
            },
    };
  }

  /** Everything is durable: show it, in the log's order, tell the authors, then look at it here. */
  #conclude({ own, frames }: Batch): void {
    if (this.#failure !== undefined) return;
    this.#own.settle(own.length);
    for (const change of own) this.#publishOwn(change);
    for (const { turn, payload } of frames) {
      this.#queuedBytes -= costOf(turn.update);
      if (payload !== undefined) this.#deps.onCommitted({ payload, author: turn.author });
    }
    const counts = new Map<Author, number>();
    for (const { turn } of frames) counts.set(turn.author, (counts.get(turn.author) ?? 0) + 1);
    for (const [author, count] of counts) author.acknowledge(count);
    // Last, as those who listen read the text anew: nobody waits for that to see a keystroke.
    for (const frame of frames) this.#applyFrame(frame);
    this.#own.mendEnd();
    if (this.isDurable) for (const waiting of this.#awaitingCommit.splice(0)) waiting.resolve();
    this.#deps.onSettled();
  }

  #publishOwn({ origin, payload, transaction, committed }: OwnChange): void {
    if (payload !== undefined) {
      this.#deps.onCommitted({ payload, author: undefined });
      if (transaction !== undefined) this.#deps.onApplied({ origin, transaction });
    }
    committed();
  }

  #applyFrame({ access, payload }: JudgedFrame): void {
    if (payload === undefined) return;
    const origin: UpdateOrigin = { kind: "user", actorId: access.accountId };
    Y.applyUpdate(this.#doc, payload, new CommittedOrigin(origin));
  }

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

const costOf = (update: Uint8Array) => update.length + frameOverheadBytes;

function fromUser({ access, payload }: JudgedFrame): Pick<OwnChange, "origin" | "payload"> {
  const origin: UpdateOrigin = { kind: "user", actorId: access.accountId };
  return payload === undefined ? { origin } : { origin, payload };
}

function toEntry({ origin, payload }: Pick<OwnChange, "origin" | "payload">): LogEntry[] {
  return payload === undefined ? [] : [{ origin, payload }];
}
