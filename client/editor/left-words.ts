import * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";
import type { DraftReason, Drafts } from "./drafts.ts";
import { copiesOf, openCopyAt } from "./offline-copy.ts";
import { unacknowledgedText } from "./unacknowledged-text.ts";

/** Whose copies, of what, and which of them. */
export interface LeftWordsOptions {
  accountId: string;
  documentId: string;
  drafts: Drafts;
  reason: DraftReason;
  /** Whether no page will open the copies of this restore epoch again. */
  isLeft: (restoreEpoch: number) => boolean;
}

/** Keeps as drafts the unsent words of offline copies that no page will open again, and drops these. */
export async function keepLeftWords(options: LeftWordsOptions): Promise<void> {
  const { documentId, drafts, reason, isLeft } = options;
  const prefix = copiesOf(options);
  for (const { name = "" } of await indexedDB.databases()) {
    if (!name.startsWith(prefix) || !isLeft(Number.parseInt(name.slice(prefix.length), 10)))
      continue;
    const doc = new Y.Doc();
    const copy = openCopyAt(name, doc);
    const text = unacknowledgedText(doc.getText(sharedTypes.body), await copy.loaded);
    const isKept = drafts.list(documentId).some((draft) => draft.text === text);
    if (text !== "" && !isKept) drafts.keep(documentId, text, reason);
    await copy.drop();
    doc.destroy();
  }
}
