import * as Y from "yjs";
import { createThrottle } from "./throttle.ts";

/** While a model writes, an IndexedDB transaction for each flush costs the page more than drawing it. */
const storeMs = 1_000;

/** A document's updates on their way into a store. */
export interface PacedUpdates {
  /** Stores at once what waits. */
  flush: () => void;
  /** Stores what waits, and no more after it. */
  close: () => void;
}

export interface PacedUpdatesOptions {
  doc: Y.Doc;
  store: (update: Uint8Array) => void;
  /** Updates of this origin came out of the store. */
  storeOrigin: unknown;
}

/**
 * Stores a person's own updates at once, behind all that they build upon, and what others write, which
 * the server has anyway, together once a second.
 */
export function paceUpdates({ doc, store, storeOrigin }: PacedUpdatesOptions): PacedUpdates {
  let waiting: Uint8Array[] = [];
  const flush = () => {
    pace.cancel();
    if (waiting.length === 0) return;
    const updates = waiting;
    waiting = [];
    store(Y.mergeUpdates(updates));
  };
  const pace = createThrottle(storeMs, flush);
  const onUpdate = (update: Uint8Array, origin: unknown, _doc: Y.Doc, { local }: Y.Transaction) => {
    if (origin === storeOrigin) return;
    waiting.push(update);
    if (local) flush();
    else pace.request();
  };
  doc.on("update", onUpdate);
  return {
    flush,
    close: () => {
      doc.off("update", onUpdate);
      flush();
    },
  };
}
