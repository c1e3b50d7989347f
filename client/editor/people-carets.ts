import { type EditorState, Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { personColour } from "./person-colour.ts";
import { positionAt } from "./positions.ts";
import { type Person, peopleIn } from "./presence-state.ts";
import { positionFromJson } from "./relative-position.ts";
import { dispatchLook } from "./selection.ts";

const peopleKey = new PluginKey<DecorationSet>("people-carets");

/** Shows the others' carets and selections; built anew at most once a frame, else moved with the text. */
export function peopleCaretsPlugin(text: Y.Text, awareness: Awareness): Plugin<DecorationSet> {
  return new Plugin<DecorationSet>({
    key: peopleKey,
    state: {
      init: () => DecorationSet.empty,
      apply: (transaction, carets, _before, state) => {
        if (transaction.getMeta(peopleKey)) return caretsOf(state, text, awareness);
        return transaction.docChanged ? carets.map(transaction.mapping, transaction.doc) : carets;
      },
    },
    props: { decorations: (state) => peopleKey.getState(state) },
    view: (view) => {
      let frame = 0;
      const draw = () => {
        frame = 0;
        dispatchLook(view, ({ tr }) => tr.setMeta(peopleKey, true).setMeta("addToHistory", false));
      };
      const request = () => {
        if (frame === 0) frame = requestAnimationFrame(draw);
      };
      const onChange = (changes: { added: number[]; updated: number[]; removed: number[] }) => {
        const { added, updated, removed } = changes;
        if ([...added, ...updated, ...removed].some((id) => id !== awareness.clientID)) request();
      };
      awareness.on("change", onChange);
      request();
      return {
        destroy: () => {
          awareness.off("change", onChange);
          cancelAnimationFrame(frame);
        },
      };
    },
  });
}

function caretsOf(state: EditorState, text: Y.Text, awareness: Awareness): DecorationSet {
  const decorations = peopleIn(awareness).flatMap((person) => caretOf(state, text, person));
  return DecorationSet.create(state.doc, decorations);
}

function caretOf(state: EditorState, text: Y.Text, person: Person): Decoration[] {
  const anchor = positionFromJson(text, person.cursor?.anchor);
  const head = positionFromJson(text, person.cursor?.head);
  if (anchor === undefined || head === undefined) return [];
  const from = positionAt(state.doc, Math.min(anchor, head));
  const to = positionAt(state.doc, Math.max(anchor, head));
  const colour = personColour(person.user.id);
  const caret = Decoration.widget(positionAt(state.doc, head), () => caretElement(person, colour), {
    key: `person:${person.clientId}:${person.user.name}:${colour}`,
    side: -1,
    ignoreSelection: true,
  });
  const selection = Decoration.inline(from, to, {
    class: "person-selection",
    style: `--person: ${colour}`,
  });
  return from === to ? [caret] : [caret, selection];
}

function caretElement(person: Person, colour: string): HTMLElement {
  const caret = document.createElement("span");
  caret.className = "person-caret";
  caret.style.setProperty("--person", colour);
  // Drawn by CSS: the name is no part of the text that is read, searched or copied.
  caret.dataset.name = person.user.name;
  return caret;
}
