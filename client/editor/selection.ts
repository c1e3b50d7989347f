import { type EditorState, TextSelection, type Transaction } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";

/**
 * Maps the selection of `before` through `transaction`: text inserted by others exactly at an empty
 * caret does not push it, and a range does not grow at its ends.
 */
export function mapSelection(transaction: Transaction, before: EditorState): void {
  const { selection } = before;
  if (!(selection instanceof TextSelection)) return;
  const { mapping, doc } = transaction;
  const forward = selection.anchor < selection.head;
  const anchor = mapping.map(selection.anchor, selection.empty || !forward ? -1 : 1);
  const head = selection.empty ? anchor : mapping.map(selection.head, forward ? -1 : 1);
  const mapped = TextSelection.between(doc.resolve(anchor), doc.resolve(head));
  if (!mapped.eq(transaction.selection)) transaction.setSelection(mapped);
}

/** The part of ProseMirror's private DOM observer that `readDomSelection` needs. */
interface DomObserver {
  flush(): void;
  pendingRecords(): readonly unknown[];
}

/**
 * Lets ProseMirror take in a click or arrow key that the browser has already shown: it hears of the
 * DOM selection one task later, and a remote change drawn in between would put the old one back.
 * Typed text that has not been read is left alone, and so is a composition.
 */
export function readDomSelection(host: { readonly composing?: boolean }): void {
  if (host.composing || !hasDomObserver(host)) return;
  if (host.domObserver.pendingRecords().length === 0) host.domObserver.flush();
}

/**
 * Dispatches what changes only how the text looks (carets, sweeps, dimming), over the selection that
 * the browser shows: a click that ProseMirror has not heard of yet stays where it was made.
 */
export function dispatchLook(
  view: EditorView,
  look: (state: EditorState) => Transaction | undefined,
): void {
  readDomSelection(view);
  const transaction = look(view.state);
  if (transaction !== undefined) view.dispatch(transaction);
}

function hasDomObserver(host: object): host is { domObserver: DomObserver } {
  if (!("domObserver" in host)) return false;
  const observer = host.domObserver;
  return (
    typeof observer === "object" &&
    observer !== null &&
    "flush" in observer &&
    typeof observer.flush === "function" &&
    "pendingRecords" in observer &&
    typeof observer.pendingRecords === "function"
  );
}
