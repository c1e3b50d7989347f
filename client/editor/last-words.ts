import { fromBase64, toBase64 } from "lib0/buffer";
import * as Y from "yjs";
import type { StateVector } from "./save-ledger.ts";

/**
 * What was typed in the moment before a page went away. IndexedDB is asynchronous: a tab that closes
 * takes its last writes with it. `localStorage` is not, and holds them until the next page.
 */
export interface LastWords {
  /** Puts what earlier pages left behind into the document. */
  restore: () => void;
  /** Keeps what the document holds beyond `durable`; the same call again replaces it. */
  keep: (durable: StateVector) => void;
  /** Removes what this page kept or restored; what another tab has kept since then stays. */
  forget: () => void;
}

/** The last words of `doc` in `storage`, under keys that begin with `place`. */
export function createLastWords(storage: Storage, place: string, doc: Y.Doc): LastWords {
  const prefix = `${place}:last-words:`;
  const own = `${prefix}${crypto.randomUUID()}`;
  const held = new Set<string>();
  return {
    restore: () => {
      for (const key of keysOf(storage, prefix)) {
        if (restored(doc, storage.getItem(key))) held.add(key);
        else storage.removeItem(key);
      }
    },
    keep: (durable) => {
      const known = Y.encodeStateVector(new Map(durable));
      try {
        storage.setItem(own, toBase64(Y.encodeStateAsUpdate(doc, known)));
        held.add(own);
      } catch {
        // Full or forbidden storage: what IndexedDB has taken by now must do.
      }
    },
    forget: () => {
      for (const key of held) storage.removeItem(key);
      held.clear();
    },
  };
}

function keysOf(storage: Storage, prefix: string): string[] {
  const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "");
  return keys.filter((key) => key.startsWith(prefix));
}

/** Whether `update` could be read into `doc`. */
function restored(doc: Y.Doc, update: string | null): boolean {
  try {
    Y.applyUpdate(doc, fromBase64(update ?? ""), "last-words");
    return true;
  } catch {
    return false;
  }
}
