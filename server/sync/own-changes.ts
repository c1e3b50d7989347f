import type * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";
import { mendEnd } from "./mending.ts";
import type { CommitCompanion, CommitTransaction, UpdateOrigin } from "./types.ts";

/** What the server itself changed: in the document already, and to be committed next. */
export interface OwnChange {
  origin: UpdateOrigin;
  /** Absent where only the companion has something to write. */
  payload?: Uint8Array;
  /** Absent for a clean-up. */
  transaction?: Y.Transaction;
  companion?: (transaction: CommitTransaction) => Promise<void>;
  committed: () => void;
  reject: (error: Error) => void;
}

/** A write of the server's, before its turn has come. */
export interface OwnWrite<Result> {
  origin: UpdateOrigin;
  change: (doc: Y.Doc) => Result;
  alsoCommit?: CommitCompanion<Result> | undefined;
  resolve: (result: Result) => void;
  reject: (error: Error) => void;
}

/** Origin of the transactions that apply what the log already holds. */
export class CommittedOrigin {
  readonly origin: UpdateOrigin;

  constructor(origin: UpdateOrigin) {
    this.origin = origin;
  }
}

const ignore = () => undefined;

/**
 * The server's own changes to a document that are not committed yet: its writes, the line break at
 * the end that it alone mends, and what Yjs cleans up in it after a change of someone else's.
 */
export class OwnChanges {
  readonly #doc: Y.Doc;
  readonly #onCleanUp: () => void;
  #pending: OwnChange[] = [];
  /** The write that runs now. */
  #writing: OwnChange | undefined;
  #bodyChanged = false;

  constructor(doc: Y.Doc, onCleanUp: () => void) {
    this.#doc = doc;
    this.#onCleanUp = onCleanUp;
    doc.on("update", this.#onUpdate);
    doc.getText(sharedTypes.body).observe(this.#onBody);
  }

  get pending(): readonly OwnChange[] {
    return this.#pending;
  }

  /**
   * Changes the document now. Throws where the change threw halfway: what it did cannot be taken
   * back, and the document must be discarded.
   */
  write<Result>(write: OwnWrite<Result>): void {
    const { origin, alsoCommit, resolve, reject } = write;
    const own: OwnChange = { origin, committed: ignore, reject };
    this.#writing = own;
    try {
      const result = this.#doc.transact((transaction) => {
        own.transaction = transaction;
        return write.change(this.#doc);
      }, own);
      own.committed = () => resolve(result);
      if (alsoCommit !== undefined) {
        own.companion = (transaction) => alsoCommit(transaction, result);
      }
      this.#keep(own);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error("write failed", { cause: error });
      reject(failure);
      if (own.payload !== undefined) throw failure;
    } finally {
      this.#writing = undefined;
    }
  }

  /** Puts the line break at the end back where someone took it away. */
  mendEnd(): void {
    if (!this.#bodyChanged) return;
    this.#bodyChanged = false;
    this.write({ origin: { kind: "system" }, change: mendEnd, resolve: ignore, reject: ignore });
  }

  /** Takes in what was cleaned up while the document was loaded. */
  addCleanUp(payload: Uint8Array): void {
    this.#pending.push({
      origin: { kind: "system" },
      payload,
      committed: ignore,
      reject: ignore,
    });
  }

  /** The first `count` are committed. */
  settle(count: number): void {
    this.#pending = this.#pending.slice(count);
  }

  /** Rejects what waits and listens no longer. */
  stop(error: Error): void {
    this.#doc.off("update", this.#onUpdate);
    this.#doc.getText(sharedTypes.body).unobserve(this.#onBody);
    for (const change of this.#pending) change.reject(error);
    this.#pending = [];
  }

  #keep(own: OwnChange): void {
    if (own.payload === undefined && own.companion === undefined) own.committed();
    else this.#pending.push(own);
  }

  readonly #onUpdate = (payload: Uint8Array, origin: unknown): void => {
    if (origin instanceof CommittedOrigin) return;
    if (this.#writing !== undefined && origin === this.#writing) {
      this.#writing.payload = payload;
      return;
    }
    this.addCleanUp(payload);
    this.#onCleanUp();
  };

  readonly #onBody = (): void => {
    this.#bodyChanged = true;
  };
}
