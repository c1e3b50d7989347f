import { Extension } from "@tiptap/core";
import { Plugin } from "@tiptap/pm/state";
import { type Binding, settleComposition } from "./binding.ts";
import type { CompositionGate } from "./composition-gate.ts";
import { flattenHtml, parsePlainText } from "./paste.ts";
import type { Undo } from "./undo.ts";

export interface BindingExtensionOptions {
  binding: Binding;
  undo: Undo;
  gate: CompositionGate;
}

/** Makes a Tiptap editor one of a shared text: the binding, its undo, paste and composition rules. */
export function bindingExtension({ binding, undo, gate }: BindingExtensionOptions): Extension {
  const handled = (act: () => void) => () => {
    act();
    return true;
  };
  return Extension.create({
    name: "flatTextBinding",
    // Before the keymaps of StarterKit.
    priority: 1000,
    addKeyboardShortcuts() {
      return {
        "Mod-z": handled(undo.undo),
        "Mod-Shift-z": handled(undo.redo),
        "Mod-y": handled(undo.redo),
        // A line of a manuscript is a paragraph.
        "Shift-Enter": ({ editor }) => editor.commands.splitBlock(),
      };
    },
    addProseMirrorPlugins: () => [
      binding.plugin,
      undo.plugin,
      compositionPlugin(gate),
      pastePlugin(),
    ],
  });
}

/** Closes the gate while an input method composes. */
function compositionPlugin(gate: CompositionGate): Plugin {
  return new Plugin({
    view: (view) => {
      const holder = {};
      let timer: ReturnType<typeof setTimeout> | undefined;
      const hold = () => {
        clearTimeout(timer);
        gate.hold(holder);
      };
      const release = () => {
        // ProseMirror reads what was composed in a microtask after this event.
        timer = setTimeout(() => {
          if (view.composing) return;
          settleComposition(view);
          gate.release(holder);
        });
      };
      view.dom.addEventListener("compositionstart", hold);
      view.dom.addEventListener("compositionend", release);
      return {
        destroy: () => {
          clearTimeout(timer);
          view.dom.removeEventListener("compositionstart", hold);
          view.dom.removeEventListener("compositionend", release);
          gate.release(holder);
        },
      };
    },
  });
}

function pastePlugin(): Plugin {
  return new Plugin({
    props: { clipboardTextParser: parsePlainText, transformPastedHTML: flattenHtml },
  });
}
