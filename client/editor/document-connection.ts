import type * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import type { Draft, DraftReason, Drafts } from "./drafts.ts";
import type { OfflineCopy, OfflineCopyKey } from "./offline-copy.ts";
import { createReplica, type Replica } from "./replica.ts";
import { unacknowledgedText } from "./unacknowledged-text.ts";

/**
 * What the page says about a document's words. `read-only`: the server let us read, and refused what
 * we wrote. `refused`: it refused a fresh copy too; the page must be loaded again.
 */
export type SaveState =
  | "connecting"
  | "saved"
  | "saving"
  | "offline"
  | "read-only"
  | "signed-out"
  | "gone"
  | "refused";

export interface ConnectionSnapshot {
  readonly save: SaveState;
  /** Whether the text can be shown. */
  readonly ready: boolean;
  /** The copy that is shown; another object after a refusal, and the editor starts anew. */
  readonly replica: Replica;
}

/** Whether what is typed now goes anywhere. */
export function isWritable({ save }: ConnectionSnapshot): boolean {
  return save !== "read-only" && save !== "gone";
}

/** A document's connection, from opening its page to leaving it. */
export interface DocumentConnection {
  readonly documentId: string;
  readonly drafts: Drafts;
  getSnapshot: () => ConnectionSnapshot;
  subscribe: (listener: () => void) => () => void;
  close: () => Promise<void>;
}

export interface DocumentConnectionOptions extends OfflineCopyKey {
  syncUrl: string;
  drafts: Drafts;
  /** Whether the person may write, as far as the page knows when it opens. */
  mayWrite: boolean;
  /** Left out, nothing is kept for offline. */
  openOfflineCopy?: (key: OfflineCopyKey, doc: Y.Doc) => OfflineCopy;
  webSocket?: typeof WebSocket;
  isOnline?: () => boolean;
}

type End = Extract<SaveState, "signed-out" | "gone" | "refused">;

/** Opens a document's connection; it reconnects by itself until it is closed or refused for good. */
export function createDocumentConnection(options: DocumentConnectionOptions): DocumentConnection {
  const { documentId, drafts } = options;
  const listeners = new Set<() => void>();
  let readOnly = false;
  let end: End | null = null;
  let closed = false;
  /** The replica is the answer to a refusal, and has not been ready yet. */
  let secondAttempt = false;
  let snapshot: ConnectionSnapshot | undefined;
  let replica = join();
  if (!options.mayWrite) void offerUnsent(replica);

  function join(): Replica {
    return createReplica({
      ...options,
      openOfflineCopy: options.openOfflineCopy,
      webSocket: options.webSocket ?? WebSocket,
      isOnline: options.isOnline ?? (() => navigator.onLine),
      onChange: refresh,
      onRefused: refused,
    });
  }
  function look(): ConnectionSnapshot {
    return { save: saveState(replica, end, readOnly), ready: replica.ready, replica };
  }
  function refresh() {
    if (closed) return;
    const next = look();
    if (next.ready) secondAttempt = false;
    if (next.save === "saved") discardSent(drafts, documentId);
    if (isSame(snapshot, next)) return;
    snapshot = next;
    for (const listener of listeners) listener();
  }
  /** Words may still be on their way out of the offline copy. */
  async function keepDraft(from: Replica, reason: DraftReason) {
    await from.loaded;
    const text = unacknowledgedText(from.body, from.ledger.durable);
    if (text !== "") drafts.keep(documentId, text, reason);
  }
  async function forget(from: Replica, reason: DraftReason) {
    from.abandon();
    await keepDraft(from, reason);
    await from.drop();
  }
  function rejoin(reason: DraftReason) {
    void forget(replica, reason);
    if (secondAttempt) {
      end = "refused";
      return;
    }
    secondAttempt = true;
    replica = join();
  }
  /** A reader's copy may hold words of a time when he wrote; the server will never ask for them. */
  async function offerUnsent(from: Replica) {
    await Promise.all([from.loaded, synced(from)]);
    if (closed || from !== replica || from.asked) return;
    if (unacknowledgedText(from.body, from.ledger.durable) === "") return;
    readOnly = true;
    rejoin("read-only");
    refresh();
  }
  function synced(from: Replica): Promise<void> {
    return new Promise((resolve) => {
      const listener = () => {
        if (from.link !== "synced") return;
        listeners.delete(listener);
        resolve();
      };
      listeners.add(listener);
      listener();
    });
  }
  function refused(code: number) {
    if (closed) return;
    if (code === closeCodes.signedOut) {
      end = "signed-out";
      void keepDraft(replica, "signed-out");
    } else if (code === closeCodes.noSuchDocument) {
      end = "gone";
      void forget(replica, "gone");
    } else if (code === closeCodes.readOnly) {
      readOnly = true;
      rejoin("read-only");
    } else {
      rejoin("refused");
    }
    refresh();
  }
  return {
    documentId,
    drafts,
    getSnapshot: () => (snapshot ??= look()),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      closed = true;
      listeners.clear();
      await replica.close();
    },
  };
}

function isSame(left: ConnectionSnapshot | undefined, right: ConnectionSnapshot): boolean {
  return left?.save === right.save && left.ready === right.ready && left.replica === right.replica;
}

function saveState(replica: Replica, end: End | null, readOnly: boolean): SaveState {
  if (end !== null) return end;
  if (replica.link !== "synced") return replica.link;
  if (readOnly && !replica.asked) return "read-only";
  return replica.ledger.settled ? "saved" : "saving";
}

/** Words kept when the session ended have gone out with the offline copy after all. */
function discardSent(drafts: Drafts, documentId: string) {
  const sent: readonly Draft[] = drafts
    .list(documentId)
    .filter((draft) => draft.reason === "signed-out");
  for (const draft of sent) drafts.discard(draft.id);
}
