import { z } from "zod";

export const draftReasons = ["refused", "read-only", "signed-out", "gone"] as const;
export type DraftReason = (typeof draftReasons)[number];

const draftSchema = z.object({
  id: z.string(),
  documentId: z.string(),
  text: z.string(),
  reason: z.enum(draftReasons),
  keptAt: z.string(),
});
/** Words that a server did not take, kept for the person who wrote them. */
export type Draft = z.infer<typeof draftSchema>;

/** One account's drafts in this browser; no other account ever sees them. */
export interface Drafts {
  /** Drafts of a document, oldest first; the same array until something changes. */
  list: (documentId: string) => readonly Draft[];
  keep: (documentId: string, text: string, reason: DraftReason) => void;
  discard: (id: string) => void;
  subscribe: (listener: () => void) => () => void;
}

/** Where the drafts of an account are kept. */
export function draftsKey(accountId: string): string {
  return `palimpsest:drafts:${accountId}`;
}

/** The documents that the account has drafts of, one entry a draft. */
export function draftedDocuments(storage: Storage, accountId: string): readonly string[] {
  return readDrafts(storage, draftsKey(accountId)).map(({ documentId }) => documentId);
}

/** The words of the account's drafts. */
export function draftedTexts(storage: Storage, accountId: string): readonly string[] {
  return readDrafts(storage, draftsKey(accountId)).map(({ text }) => text);
}

/** Drafts of `accountId` in `storage`; where that is full or forbidden they live as long as the page. */
export function createDrafts(storage: Storage, accountId: string): Drafts {
  const key = draftsKey(accountId);
  const listeners = new Set<() => void>();
  let drafts = readDrafts(storage, key);
  let byDocument = new Map<string, readonly Draft[]>();

  const change = (next: readonly Draft[]) => {
    drafts = next;
    byDocument = new Map();
    try {
      storage.setItem(key, JSON.stringify(next));
    } catch {
      // Full or forbidden storage: the page still shows them.
    }
    for (const listener of listeners) listener();
  };
  return {
    list: (documentId) => {
      const known = byDocument.get(documentId);
      if (known !== undefined) return known;
      const found = drafts.filter((draft) => draft.documentId === documentId);
      byDocument.set(documentId, found);
      return found;
    },
    keep: (documentId, text, reason) => {
      const keptAt = new Date().toISOString();
      change([...drafts, { id: crypto.randomUUID(), documentId, text, reason, keptAt }]);
    },
    discard: (id) => change(drafts.filter((draft) => draft.id !== id)),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function readDrafts(storage: Storage, key: string): readonly Draft[] {
  try {
    const parsed = z.array(draftSchema).safeParse(JSON.parse(storage.getItem(key) ?? "[]"));
    return parsed.success ? parsed.data : [];
  } catch {
    return [];
  }
}
