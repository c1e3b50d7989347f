import * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";
import { draftedDocuments, draftedTexts, draftsKey } from "./drafts.ts";
import { copiesOfAccount, isKeyOfCopy, openCopyAt } from "./offline-copy.ts";
import { unacknowledgedText } from "./unacknowledged-text.ts";

/** A document that holds such words. */
export interface UnsentDocument {
  id: string;
  /** As this browser's copy has it; undefined where only a draft is left. */
  title: string | undefined;
}

/** Words of an account that are in this browser alone. */
export interface UnsentWords {
  documents: readonly UnsentDocument[];
  /** The places of the offline copies that hold such words; the rest are drafts. */
  copies: readonly string[];
}

/** Looks through all that this browser keeps of the account for words that no server has taken. */
export async function findUnsentWords(accountId: string): Promise<UnsentWords> {
  const titles = new Map<string, string | undefined>();
  for (const id of draftedDocuments(localStorage, accountId)) titles.set(id, undefined);
  const copies: string[] = [];
  const prefix = copiesOfAccount(accountId);
  for (const place of await placesOf(accountId)) {
    const { text, title } = await readCopy(place);
    if (text === "") continue;
    copies.push(place);
    titles.set(place.slice(prefix.length, place.indexOf(":", prefix.length)), title);
  }
  return { documents: [...titles].map(([id, title]) => ({ id, title })), copies };
}

/** The words themselves, of drafts and of offline copies, each once. */
export async function readUnsentWords(accountId: string): Promise<readonly string[]> {
  const texts = new Set(draftedTexts(localStorage, accountId));
  for (const place of await placesOf(accountId)) texts.add((await readCopy(place)).text);
  texts.delete("");
  return [...texts];
}

/** Removes what this browser keeps of the account; `kept` stays. */
export async function wipeAccount(accountId: string, kept: UnsentWords | null): Promise<void> {
  const copies = kept?.copies ?? [];
  for (const place of await placesOf(accountId))
    if (!copies.includes(place)) await deleteDatabase(place);
  const drafts = draftsKey(accountId);
  if (kept === null) localStorage.removeItem(drafts);
  for (const key of Object.keys(localStorage)) {
    const isOwn = key.startsWith(copiesOfAccount(accountId));
    if (isOwn && !copies.some((place) => isKeyOfCopy(key, place))) localStorage.removeItem(key);
  }
}

async function placesOf(accountId: string): Promise<string[]> {
  const names = (await indexedDB.databases()).map(({ name = "" }) => name);
  return names.filter((name) => name.startsWith(copiesOfAccount(accountId)));
}

/** The unsent words of the copy at `place`, and its document's title. */
async function readCopy(place: string): Promise<{ text: string; title: string }> {
  const doc = new Y.Doc();
  const copy = openCopyAt(place, doc);
  const text = unacknowledgedText(doc.getText(sharedTypes.body), await copy.loaded);
  const title = doc.getText(sharedTypes.title).toJSON();
  await copy.close();
  doc.destroy();
  return { text, title };
}

/** A page that has it open lets go of it by itself. */
function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const deletion = indexedDB.deleteDatabase(name);
    deletion.addEventListener("success", () => resolve());
    deletion.addEventListener("error", () =>
      reject(new Error("a copy could not be deleted", { cause: deletion.error })),
    );
  });
}
