import { type EditorState, Plugin, PluginKey, type Transaction } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import type * as Y from "yjs";
import { type CaretWatch, watchCaret } from "./caret-watch.ts";
import { positionAt } from "./positions.ts";
import { decodePosition } from "./relative-position.ts";
import { runInsertions } from "./run-insertions.ts";

/** Where the model writes, as the page knows it from the run. */
export interface ModelCaret {
  /** base64 of an encoded Y.RelativePosition. */
  caret: string;
  /** Breathing while it writes, still when paused. */
  state: "breathing" | "still";
  modelName: string;
}

interface CaretState {
  shown: ModelCaret | null;
  position: number | null;
  decorations: DecorationSet;
}

const nothing: CaretState = { shown: null, position: null, decorations: DecorationSet.empty };
const caretKey = new PluginKey<CaretState>("model-caret");
const breathMs = 2400;

/**
 * Shows the model's caret; while it writes, the caret stands behind the last words that came.
 * `onAway` hears whether that is out of the reader's view.
 */
export function modelCaretPlugin(
  text: Y.Text,
  onAway: (away: boolean) => void,
): Plugin<CaretState> {
  let watch: CaretWatch | undefined;
  const draw = (shown: ModelCaret) => {
    const caret = caretElement(shown);
    watch?.observe(caret);
    return caret;
  };
  return new Plugin<CaretState>({
    key: caretKey,
    view: (view) => {
      watch = watchCaret(view.dom, onAway);
      return { destroy: () => watch?.destroy() };
    },
    state: {
      init: () => nothing,
      apply: (transaction, before, _state, state) => {
        const shown: ModelCaret | null | undefined = transaction.getMeta(caretKey);
        if (shown !== undefined) return placed(state, shown, startOf(state, text, shown), draw);
        if (!transaction.docChanged || before.shown === null) return before;
        // The run's news may come before the text that it speaks of.
        const position =
          before.position === null
            ? startOf(state, text, before.shown)
            : moved(transaction, before.position, before.shown);
        return placed(state, before.shown, position, draw);
      },
    },
    props: { decorations: (state) => caretKey.getState(state)?.decorations },
  });
}

/** A transaction that shows the model's caret elsewhere, or (null) no more. */
export function showModelCaret(state: EditorState, caret: ModelCaret | null): Transaction {
  return state.tr.setMeta(caretKey, caret).setMeta("addToHistory", false);
}

/** Document position of the model's caret, or null where none is shown. */
export function modelCaretPosition(state: EditorState): number | null {
  return caretKey.getState(state)?.position ?? null;
}

function startOf(state: EditorState, text: Y.Text, shown: ModelCaret | null): number | null {
  if (shown === null) return null;
  const offset = decodePosition(text, shown.caret);
  return offset === undefined ? null : positionAt(state.doc, offset);
}

/** What a person types at the caret comes after it; what the run writes moves it on. */
function moved(transaction: Transaction, position: number, shown: ModelCaret | null): number {
  const brought = shown?.state === "breathing" ? runInsertions(transaction).at(-1) : undefined;
  return brought?.to ?? transaction.mapping.map(position, -1);
}

function placed(
  state: EditorState,
  shown: ModelCaret | null,
  position: number | null,
  draw: (shown: ModelCaret) => HTMLElement,
): CaretState {
  if (shown === null || position === null) return { ...nothing, shown };
  const widget = Decoration.widget(position, () => draw(shown), {
    key: `model:${shown.state}:${shown.modelName}`,
    side: 10,
    ignoreSelection: true,
  });
  return { shown, position, decorations: DecorationSet.create(state.doc, [widget]) };
}

function caretElement({ state, modelName }: ModelCaret): HTMLElement {
  const caret = document.createElement("span");
  caret.className = "model-caret";
  caret.dataset.state = state;
  caret.dataset.model = modelName;
  // It is made anew with each flush; its breath goes on.
  caret.style.animationDelay = `${-Math.round(performance.now() % breathMs)}ms`;
  return caret;
}
