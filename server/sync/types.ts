import type * as Y from "yjs";
import type { DocumentRole } from "#shared/permissions.ts";
import type { PresenceState } from "#shared/sync-protocol.ts";

/** Who wrote an update, as the log keeps it. */
export type UpdateOrigin =
  | { kind: "user"; actorId: string }
  | { kind: "run"; runId: string; actorId: string }
  | { kind: "system" };

/** An account's standing on one document at one moment. */
export interface Access {
  accountId: string;
  name: string;
  role: DocumentRole;
  /** Of the account; the commit compares it inside its transaction. */
  accessEpoch: number;
}

/** Asks documents: undefined where the document does not exist for the account. */
export type Authorise = (accountId: string, documentId: string) => Promise<Access | undefined>;

/** Told after an update has been committed and applied, in log order. */
export interface AppliedUpdate {
  origin: UpdateOrigin;
  /** The Yjs transaction that applied it; valid during the call alone. */
  transaction: Y.Transaction;
}

/**
 * A document that is open on this server, as server code sees it. Its `doc` is for reading; every
 * write goes through `write`. Holding a room keeps it loaded; `release` lets it go (idempotent).
 */
export interface OpenRoom {
  readonly documentId: string;
  readonly doc: Y.Doc;
  /** False once the room was discarded (a commit of a server's write failed, the document is gone). */
  readonly alive: boolean;
  /**
   * Runs `change` in one Yjs transaction at this write's turn in the document's queue, and resolves
   * with its result once the bytes are committed and broadcast. A change that writes nothing
   * resolves without a row. `alsoCommit` runs inside the same database transaction.
   * Rejects, with the room discarded, when the commit fails.
   */
  write<Result>(
    origin: UpdateOrigin,
    change: (doc: Y.Doc) => Result,
    alsoCommit?: CommitCompanion<Result>,
  ): Promise<Result>;
  /** Resolves once everything that stood in the queue when it was called is applied. */
  settled(): Promise<void>;
  /** Waits until the document holds all of `stateVector`; false after `timeoutMs`. */
  hasSeen(stateVector: Uint8Array, timeoutMs: number): Promise<boolean>;
  onApplied(listener: (update: AppliedUpdate) => void): () => void;
  /** Called once when the room is discarded. */
  onDiscarded(listener: (error: Error) => void): () => void;
  /** Awareness states of the people connected (never the server's own). */
  presence(): PresenceState[];
  onPresence(listener: () => void): () => void;
  release(): void;
}

/** Rows that belong to a write, inserted in its transaction (a run's tokens, its caret). */
export type CommitCompanion<Result> = (
  transaction: CommitTransaction,
  result: Result,
) => Promise<void>;

/** The Kysely transaction of a commit. */
export type CommitTransaction = import("kysely").Transaction<
  import("../database/tables.ts").Tables
>;

/** All open documents of this server. */
export interface Rooms {
  /** Loads the document if need be. Throws NotFoundError, or UnavailableError while draining. */
  open(documentId: string): Promise<OpenRoom>;
  /** Keeps a snapshot of the document as it is committed now (at a run's end). */
  keepSnapshot(documentId: string): Promise<void>;
  /** Access of an account changed (null document: everywhere): its connections are judged anew. */
  accessChanged(accountId: string, documentId: string | null): Promise<void>;
  /** The document was removed for good: its connections close with 4404, its room is let go. */
  discard(documentId: string): Promise<void>;
  close(): Promise<void>;
}
