import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import type { StateVector } from "./save-ledger.ts";

/** A document's copy in this browser. */
export interface OfflineCopy {
  /** Resolves once the document holds what the copy held, with what was known to be committed. */
  loaded: Promise<StateVector>;
  /** Remembers what is known to be committed, so that a draft after a reload holds no more than it must. */
  remember: (durable: StateVector) => void;
  /** The next copy of this document starts afresh; this one stays until it is dropped. */
  abandon: () => void;
  drop: () => Promise<void>;
  close: () => Promise<void>;
}

/** Which copy: one a person, a document and a restore epoch. */
export interface OfflineCopyKey {
  accountId: string;
  documentId: string;
  restoreEpoch: number;
}

const durableKey = "durable";

/** Opens the copy of `doc` in IndexedDB; every change of it is kept there from now on. */
export function openOfflineCopy(key: OfflineCopyKey, doc: Y.Doc): OfflineCopy {
  const name = `palimpsest:${key.accountId}:${key.documentId}:${key.restoreEpoch}`;
  const generation = `${name}:generation`;
  const store = new IndexeddbPersistence(`${name}:${localStorage.getItem(generation) ?? "0"}`, doc);
  return {
    loaded: store.whenSynced.then(async () => decodeDurable(await store.get(durableKey))),
    remember: (durable) => {
      if (store.db !== null) void store.set(durableKey, encodeDurable(durable)).catch(() => {});
    },
    // A name of its own for the next copy: deleting a database that another tab has open would wait.
    abandon: () => localStorage.setItem(generation, crypto.randomUUID()),
    drop: async () => store.clearData(),
    close: async () => store.destroy(),
  };
}

function encodeDurable(durable: StateVector): ArrayBuffer {
  return Y.encodeStateVector(new Map(durable)).slice().buffer;
}

function decodeDurable(value: unknown): StateVector {
  return value instanceof ArrayBuffer ? Y.decodeStateVector(new Uint8Array(value)) : new Map();
}
