import { type EditorState, Plugin, PluginKey, type Transaction } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import { modelCaretPosition } from "./model-caret.ts";
import { runInsertions } from "./run-insertions.ts";

interface SweepState {
  /** Where a person changed the text last. */
  edited: number | null;
  decorations: DecorationSet;
}

const sweepKey = new PluginKey<SweepState>("reread-sweep");
/** As long as the animation of `.reread-sweep` in manuscript.css. */
export const sweepMs = 600;
/** The sweep is short: it never underlines more than this before the caret. */
const mostSweptUnits = 1200;

/** Remembers the last edit, and shows the model's re-reading from there to its caret. */
export function rereadSweepPlugin(): Plugin<SweepState> {
  return new Plugin<SweepState>({
    key: sweepKey,
    state: {
      init: () => ({ edited: null, decorations: DecorationSet.empty }),
      apply: (transaction, before) => {
        const decorations: DecorationSet | undefined = transaction.getMeta(sweepKey);
        if (decorations !== undefined) return { ...before, decorations };
        if (!transaction.docChanged) return before;
        return {
          edited: editIn(transaction) ?? mapped(transaction, before.edited),
          decorations: before.decorations.map(transaction.mapping, transaction.doc),
        };
      },
    },
    props: { decorations: (state) => sweepKey.getState(state)?.decorations },
  });
}

/** A transaction that shows the sweep, or undefined where there is nothing to sweep over. */
export function startSweep(state: EditorState): Transaction | undefined {
  const caret = modelCaretPosition(state);
  const edited = sweepKey.getState(state)?.edited ?? null;
  if (caret === null || edited === null || edited >= caret) return undefined;
  const from = Math.max(edited, caret - mostSweptUnits);
  const sweep = Decoration.inline(from, caret, { class: "reread-sweep" });
  return withSweep(state, DecorationSet.create(state.doc, [sweep]));
}

/** A transaction that takes the sweep away. */
export function endSweep(state: EditorState): Transaction {
  return withSweep(state, DecorationSet.empty);
}

function withSweep(state: EditorState, decorations: DecorationSet): Transaction {
  return state.tr.setMeta(sweepKey, decorations).setMeta("addToHistory", false);
}

function mapped(transaction: Transaction, position: number | null): number | null {
  return position === null ? null : transaction.mapping.map(position, -1);
}

/** Where a change that is no run's writing begins. */
function editIn(transaction: Transaction): number | null {
  if (runInsertions(transaction).length > 0) return null;
  let edited: number | null = null;
  transaction.mapping.maps.forEach((map, index) => {
    const rest = transaction.mapping.slice(index + 1);
    map.forEach((_oldFrom, _oldTo, newFrom) => {
      edited = rest.map(newFrom, -1);
    });
  });
  return edited;
}
