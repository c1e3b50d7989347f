import { fromBase64, toBase64 } from "lib0/buffer";
import * as Y from "yjs";
import type { StateVector } from "./save-ledger.ts";

/**
 * What was typed in the moment before a page went away. IndexedDB is asynchronous: a tab that closes
 * takes its last writes with it. `localStorage` is not, and holds them until the next page.
 */
export interface LastWords {
  /** Puts what earlier pages left behind into the document; gives what they knew to be committed. */
  restore: () => StateVector;
  /** Keeps what the document holds beyond `durable`; the same call again replaces it. */
  keep: (durable: StateVector) => void;
  /** Removes what this page kept or restored; what another tab has kept since then stays. */
  forget: () => void;
}

/** Between what is known to be committed and the words; no character of base64. */
const separator = ".";

/** The last words of `doc` in `storage`, under keys that begin with `place`. */
export function createLastWords(storage: Storage, place: string, doc: Y.Doc): LastWords {
  const prefix = `${place}:last-words:`;
  const own = `${prefix}${crypto.randomUUID()}`;
  const held = new Set<string>();
  return {
    restore: () => {
      const durable = new Map<number, number>();
      for (const key of keysOf(storage, prefix)) {
        const words = restored(doc, storage.getItem(key));
        if (words === undefined) storage.removeItem(key);
        else held.add(key);
        for (const [client, clock] of words ?? [])
          durable.set(client, Math.max(clock, durable.get(client) ?? 0));
      }
      return durable;
    },
    keep: (durable) => {
      const known = Y.encodeStateVector(new Map(durable));
      try {
        const words = Y.encodeStateAsUpdate(doc, known);
        storage.setItem(own, [known, words].map(toBase64).join(separator));
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

/** Reads what `keep` wrote into `doc`; undefined: it could not be read. */
function restored(doc: Y.Doc, kept: string | null): StateVector | undefined {
  try {
    const [known = "", words = ""] = (kept ?? "").split(separator);
    const durable = Y.decodeStateVector(fromBase64(known));
    Y.applyUpdate(doc, fromBase64(words), "last-words");
    return durable;
  } catch {
    return undefined;
  }
}
