import { type EditorState, Plugin, PluginKey, type Transaction } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import type * as Y from "yjs";
import { positionAt } from "./positions.ts";
import { decodePosition } from "./relative-position.ts";

const dimKey = new PluginKey<DecorationSet>("window-dim");

/** Dims what lies before the model's window, with one decoration that moves with the text. */
export function windowDimPlugin(): Plugin<DecorationSet> {
  return new Plugin<DecorationSet>({
    key: dimKey,
    state: {
      init: () => DecorationSet.empty,
      apply: (transaction, dim) => {
        const set: DecorationSet | undefined = transaction.getMeta(dimKey);
        if (set !== undefined) return set;
        return transaction.docChanged ? dim.map(transaction.mapping, transaction.doc) : dim;
      },
    },
    props: { decorations: (state) => dimKey.getState(state) },
  });
}

/** A transaction that dims all before `windowStart` (base64 relative position), or (null) nothing. */
export function dimBefore(
  state: EditorState,
  text: Y.Text,
  windowStart: string | null,
): Transaction {
  const offset = windowStart === null ? undefined : decodePosition(text, windowStart);
  const outside = offset === undefined ? 0 : positionAt(state.doc, offset);
  const decorations =
    offset === undefined || offset === 0
      ? DecorationSet.empty
      : DecorationSet.create(state.doc, [
          Decoration.inline(0, outside, { class: "outside-window" }),
        ]);
  return state.tr.setMeta(dimKey, decorations).setMeta("addToHistory", false);
}
