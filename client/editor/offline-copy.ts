import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import { createLastWords } from "./last-words.ts";
import { paceUpdates } from "./paced-updates.ts";
import type { StateVector } from "./save-ledger.ts";

/** A document's copy in this browser. */
export interface OfflineCopy {
  /** Resolves once the document holds what the copy held, with what was known to be committed. */
  loaded: Promise<StateVector>;
  /** Remembers what is known to be committed, so that a draft after a reload holds no more than it must. */
  remember: (durable: StateVector) => void;
  /** When the page goes away, what is known to be committed is remembered, and what is unsent kept. */
  keepLastWords: (look: () => { durable: StateVector; unsent: boolean }) => void;
  /** Everything that the document holds has been committed. */
  forgetLastWords: () => void;
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

/** Opens the copy of `doc` in IndexedDB; every change of it is kept there from now on, others' a moment later. */
export function openOfflineCopy(key: OfflineCopyKey, doc: Y.Doc): OfflineCopy {
  const name = `${copiesOf(key)}${key.restoreEpoch}`;
  const generation = `${name}:generation`;
  return {
    ...openCopyAt(`${name}:${localStorage.getItem(generation) ?? "0"}`, doc),
    // A name of its own for the next copy: deleting a database that another tab has open would wait.
    abandon: () => localStorage.setItem(generation, crypto.randomUUID()),
  };
}

/** How the places of all copies of a person begin; the document's id and a colon follow. */
export function copiesOfAccount(accountId: string): string {
  return `palimpsest:${accountId}:`;
}

/** How the places of all copies of a person's document begin; the restore epoch and a colon follow. */
export function copiesOf({ accountId, documentId }: Omit<OfflineCopyKey, "restoreEpoch">): string {
  return `${copiesOfAccount(accountId)}${documentId}:`;
}

/** Whether `key` of the storage belongs to the copy at `place`: its last words, or its generation. */
export function isKeyOfCopy(key: string, place: string): boolean {
  const copies = place.slice(0, place.lastIndexOf(":"));
  return key.startsWith(`${place}:`) || key === `${copies}:generation`;
}

/** Opens the copy at `place`, whatever made it. */
export function openCopyAt(place: string, doc: Y.Doc): Omit<OfflineCopy, "abandon"> {
  const store = new IndexeddbPersistence(place, doc);
  const paced = paceStore(store, doc);
  const lastWords = createLastWords(localStorage, place, doc);
  const ended = new AbortController();
  const remember = (durable: StateVector) => {
    if (store.db !== null) void store.set(durableKey, encodeDurable(durable)).catch(() => {});
  };
  return {
    loaded: store.whenSynced.then(async () => {
      const known = lastWords.restore();
      const stored = decodeDurable(await store.get(durableKey));
      // Both are true of the same log, so the further one is.
      const later = [...known].filter(([client, clock]) => clock > (stored.get(client) ?? 0));
      return new Map([...stored, ...later]);
    }),
    keepLastWords: (look) => {
      const leave = () => {
        const { durable, unsent } = look();
        // First what is committed: others' last words must not pass for unsent ones.
        remember(durable);
        paced.flush();
        if (unsent) lastWords.keep(durable);
      };
      window.addEventListener("pagehide", leave, { signal: ended.signal });
    },
    forgetLastWords: lastWords.forget,
    remember,
    drop: async () => {
      ended.abort();
      paced.close();
      lastWords.forget();
      await store.clearData();
    },
    close: async () => {
      ended.abort();
      paced.close();
      await store.destroy();
    },
  };
}

/** The store listens by itself, at each update; from here on it is told. */
function paceStore(store: IndexeddbPersistence, doc: Y.Doc) {
  doc.off("update", store._storeUpdate);
  const tell = (update: Uint8Array) => store._storeUpdate(update, "paced");
  return paceUpdates({ doc, store: tell, storeOrigin: store });
}

function encodeDurable(durable: StateVector): ArrayBuffer {
  return Y.encodeStateVector(new Map(durable)).slice().buffer;
}

function decodeDurable(value: unknown): StateVector {
  return value instanceof ArrayBuffer ? Y.decodeStateVector(new Uint8Array(value)) : new Map();
}
