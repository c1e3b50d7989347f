import { Editor } from "@tiptap/core";
import type { Node } from "@tiptap/pm/model";
import { toBase64 } from "lib0/buffer";
import * as Y from "yjs";
import { createBinding } from "./binding.ts";
import { bindingExtension } from "./binding-extension.ts";
import { textDelta } from "./delta.ts";
import { documentFromDelta } from "./document-from-delta.ts";
import { createFollow, type Follow } from "./follow.ts";
import { freshWordsPlugin } from "./fresh-words.ts";
import { type ModelCaret, modelCaretPlugin, showModelCaret } from "./model-caret.ts";
import { peopleCaretsPlugin } from "./people-carets.ts";
import { offsetAt } from "./positions.ts";
import { publishPresencePlugin } from "./publish-presence.ts";
import { encodePosition } from "./relative-position.ts";
import type { Replica } from "./replica.ts";
import { endSweep, rereadSweepPlugin, startSweep, sweepMs } from "./reread-sweep.ts";
import { manuscriptExtensions, manuscriptSchema } from "./schema.ts";
import { createScrollHold, type ScrollHold } from "./scroll-hold.ts";
import { dispatchLook } from "./selection.ts";
import { createThrottle } from "./throttle.ts";
import { createUndo, type Undo } from "./undo.ts";
import { dimBefore, windowDimPlugin } from "./window-dim.ts";

/** What the page may do with the manuscript. */
export interface ManuscriptControls {
  focus: () => void;
  /** base64 of an encoded Y.RelativePosition; null while the person has no caret in the text. */
  caretPosition: () => string | null;
  setFollow: (follow: boolean) => void;
  isFollowing: () => boolean;
  /** Returns how to stop listening. */
  onFollowChange: (listener: (following: boolean) => void) => () => void;
  undo: () => void;
  redo: () => void;
  /** Types `text` at the caret, over what is selected. */
  insertText: (text: string) => void;
  /** base64 of the state vector of what this person sees, for a run command's `seen`. */
  stateVector: () => string;
  /** Shows that the model reads the last edit again. */
  showReread: () => void;
  /** How often the editor had to be drawn anew because it differed from its text; 0 is right. */
  healed: () => number;
  readonly editor: Editor;
}

/** A mounted editor of one replica. */
export interface ManuscriptEditor {
  readonly controls: ManuscriptControls;
  setEditable: (editable: boolean) => void;
  setRun: (run: ModelCaret | null) => void;
  setWindowStart: (windowStart: string | null) => void;
  destroy: () => void;
}

/** The part of a replica that an editor needs. */
export type EditedReplica = Pick<Replica, "doc" | "body" | "awareness" | "gate">;

export interface ManuscriptEditorOptions {
  element: HTMLElement;
  replica: EditedReplica;
  editable: boolean;
  /** Shown in an empty manuscript. */
  placeholder: string;
  /** Hears whether the place where the model writes is out of the reader's view. */
  onModelAway?: (away: boolean) => void;
  /** Compares the whole rendering after each change: for development. */
  verify?: boolean;
}

/** Mounts an editor of `replica.body` in `element`. */
export function createManuscriptEditor(options: ManuscriptEditorOptions): ManuscriptEditor {
  const { element, replica, placeholder } = options;
  const { body, awareness, gate } = replica;
  let scrollHold: ScrollHold | undefined;
  let follow: Follow | undefined;
  const binding = createBinding({
    text: body,
    verify: options.verify ?? false,
    aroundRemote: (transaction, draw) => {
      if (scrollHold === undefined || follow?.isFollowing()) draw();
      else scrollHold.around(transaction, draw);
    },
  });
  const undo = createUndo(body, binding.origin);
  const editor = new Editor({
    element,
    editable: options.editable,
    // The page's Content-Security-Policy lets no style element in; manuscript.css has what is needed.
    injectCSS: false,
    // As the text has them, and as pasting reads them.
    coreExtensionOptions: { clipboardTextSerializer: { blockSeparator: "\n" } },
    extensions: [...manuscriptExtensions, bindingExtension({ binding, undo, gate })],
    content: documentFromDelta(manuscriptSchema(), textDelta(body.toDelta())).toJSON(),
    editorProps: {
      attributes: ({ doc }) => ({
        role: "textbox",
        "aria-multiline": "true",
        "aria-label": "Manuscript",
        ...(isEmpty(doc) ? { "data-placeholder": placeholder } : {}),
      }),
    },
    onTransaction: () => follow?.update(),
  });
  editor.on("beforeTransaction", ({ nextState }) => binding.send(nextState));
  for (const plugin of [
    rereadSweepPlugin(),
    freshWordsPlugin(() => performance.now()),
    windowDimPlugin(),
    peopleCaretsPlugin(body, awareness),
    modelCaretPlugin(body, options.onModelAway ?? (() => undefined)),
    publishPresencePlugin(body, awareness),
  ]) {
    editor.registerPlugin(plugin);
  }
  scrollHold = createScrollHold(editor.view);
  follow = createFollow(editor.view);

  const unsweep = createThrottle(sweepMs, () => dispatchLook(editor.view, endSweep));
  const controls = createControls({ editor, replica, undo, follow });
  return {
    controls: {
      ...controls,
      healed: () => binding.healed,
      showReread: () => {
        dispatchLook(editor.view, startSweep);
        unsweep.request();
      },
    },
    setEditable: (editable) => editor.setEditable(editable, false),
    setRun: (run) => dispatchLook(editor.view, (state) => showModelCaret(state, run)),
    setWindowStart: (start) => dispatchLook(editor.view, (state) => dimBefore(state, body, start)),
    destroy: () => {
      unsweep.cancel();
      scrollHold?.destroy();
      follow?.destroy();
      undo.destroy();
      editor.destroy();
    },
  };
}

interface ControlParts {
  editor: Editor;
  replica: EditedReplica;
  undo: Undo;
  follow: Follow;
}

function createControls({ editor, replica, undo, follow }: ControlParts) {
  let visited = false;
  editor.on("focus", () => {
    visited = true;
  });
  return {
    editor,
    focus: () => void editor.commands.focus(),
    caretPosition: () => {
      if (!visited) return null;
      const { doc, selection } = editor.state;
      return encodePosition(replica.body, offsetAt(doc, selection.head));
    },
    setFollow: follow.setFollow,
    isFollowing: follow.isFollowing,
    onFollowChange: follow.onChange,
    undo: undo.undo,
    redo: undo.redo,
    insertText: (text: string) => {
      const { from, to } = editor.state.selection;
      editor.view.dispatch(editor.state.tr.insertText(text, from, to).scrollIntoView());
    },
    stateVector: () => toBase64(Y.encodeStateVector(replica.doc)),
  };
}

/** One empty paragraph: an invitation stands there instead. */
function isEmpty(doc: Node): boolean {
  return doc.childCount === 1 && doc.child(0).content.size === 0;
}
