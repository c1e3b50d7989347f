import { Plugin } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { offsetAt } from "./positions.ts";
import { positionToJson } from "./relative-position.ts";
import { createThrottle } from "./throttle.ts";

const publishIntervalMs = 60;

/** Tells the others where this person's caret is, and whether an input method composes. */
export function publishPresencePlugin(text: Y.Text, awareness: Awareness): Plugin {
  return new Plugin({
    view: (view) => {
      const throttle = createThrottle(publishIntervalMs, () =>
        publishCursor(view, text, awareness),
      );
      const composing = (value: boolean) => () => {
        if (view.editable) awareness.setLocalStateField("composing", value);
      };
      const started = composing(true);
      const ended = composing(false);
      view.dom.addEventListener("focus", throttle.request);
      view.dom.addEventListener("compositionstart", started);
      view.dom.addEventListener("compositionend", ended);
      return {
        update: (_view, before) => {
          const moved = !before.selection.eq(view.state.selection) || before.doc !== view.state.doc;
          if (moved && view.editable && view.hasFocus()) throttle.request();
        },
        destroy: () => {
          throttle.cancel();
          view.dom.removeEventListener("focus", throttle.request);
          view.dom.removeEventListener("compositionstart", started);
          view.dom.removeEventListener("compositionend", ended);
          awareness.setLocalStateField("cursor", null);
        },
      };
    },
  });
}

/** Relative positions move by themselves, so most remote changes leave them equal and unsent. */
function publishCursor(view: EditorView, text: Y.Text, awareness: Awareness) {
  if (!view.editable || view.isDestroyed) return;
  const { doc, selection } = view.state;
  const position = (at: number) => positionToJson(text, offsetAt(doc, at));
  const cursor = { anchor: position(selection.anchor), head: position(selection.head) };
  const current = awareness.getLocalState()?.cursor;
  if (JSON.stringify(current) !== JSON.stringify(cursor)) {
    awareness.setLocalStateField("cursor", cursor);
  }
}
