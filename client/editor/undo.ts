import { Plugin, TextSelection } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import * as Y from "yjs";
import { offsetAt, positionAt } from "./positions.ts";
import { decodePosition, encodePosition } from "./relative-position.ts";

/** Undo of a person's own typing, with the selection that goes with it. */
export interface Undo {
  readonly plugin: Plugin;
  undo: () => void;
  redo: () => void;
  destroy: () => void;
}

/** A selection in flat offsets. */
interface Offsets {
  anchor: number;
  head: number;
}

const selectionKey = "selection";

/**
 * Undoes what `origin` has changed in `text`. The plugin must come after the binding's: it remembers
 * the selection that each change is made with, and gives it back when the change is undone.
 */
export function createUndo(text: Y.Text, origin: object): Undo {
  const manager = new Y.UndoManager(text, { trackedOrigins: new Set([origin]) });
  let view: EditorView | null = null;
  let resting: Offsets | null = null;
  /** The selection of before the change under way, as relative positions. */
  let before: { anchor: string; head: string } | null = null;

  const capture = () => {
    before = resting && {
      anchor: encodePosition(text, resting.anchor),
      head: encodePosition(text, resting.head),
    };
  };
  const beforeTransaction = (transaction: Y.Transaction) => {
    if (transaction.origin === origin) capture();
  };
  text.doc?.on("beforeTransaction", beforeTransaction);
  manager.on("stack-item-added", ({ stackItem }) => {
    if (before !== null) stackItem.meta.set(selectionKey, before);
  });
  manager.on("stack-item-popped", ({ stackItem }) => {
    const selection: typeof before = stackItem.meta.get(selectionKey) ?? null;
    if (view === null || selection === null) return;
    const anchor = decodePosition(text, selection.anchor);
    const head = decodePosition(text, selection.head);
    if (anchor !== undefined && head !== undefined) select(view, { anchor, head });
  });
  const change = (kind: "undo" | "redo") => {
    capture();
    manager[kind]();
  };
  const undo = () => change("undo");
  const redo = () => change("redo");
  const plugin = new Plugin({
    view: (mounted) => {
      view = mounted;
      resting = selectionOf(mounted);
      return {
        update: (_view, { doc, selection }) => {
          resting = selectionOf(mounted);
          // What is typed at another place is undone by itself.
          const moved = doc === mounted.state.doc && !selection.eq(mounted.state.selection);
          if (moved) manager.stopCapturing();
        },
        destroy: () => {
          view = null;
        },
      };
    },
    props: { handleDOMEvents: { beforeinput: (_view, event) => browserUndo(event, undo, redo) } },
  });
  return {
    plugin,
    undo,
    redo,
    destroy: () => {
      text.doc?.off("beforeTransaction", beforeTransaction);
      manager.destroy();
    },
  };
}

/** The browser's own undo, from its menu or a gesture, would bring back what the DOM looked like. */
function browserUndo(event: InputEvent, undo: () => void, redo: () => void): boolean {
  if (event.inputType !== "historyUndo" && event.inputType !== "historyRedo") return false;
  event.preventDefault();
  if (event.inputType === "historyUndo") undo();
  else redo();
  return true;
}

function selectionOf({ state: { doc, selection } }: EditorView): Offsets {
  return { anchor: offsetAt(doc, selection.anchor), head: offsetAt(doc, selection.head) };
}

function select({ state, dispatch }: EditorView, { anchor, head }: Offsets) {
  const at = (offset: number) => state.doc.resolve(positionAt(state.doc, offset));
  const { tr } = state;
  dispatch(tr.setSelection(TextSelection.between(at(anchor), at(head))).scrollIntoView());
}
