import { beforeEach, expect, test } from "vitest";
import * as Y from "yjs";
import { createHeadlessEditor, type HeadlessEditor } from "./test-support/headless-editor.ts";

let editor: HeadlessEditor;
beforeEach(() => {
  const base = new Y.Doc();
  base.getText("body").insert(0, "Once.\n");
  editor = createHeadlessEditor(7, Y.encodeStateAsUpdate(base));
});

/** Sends what is typed, and returns how the host takes it and draws it. */
function type(words: string): () => void {
  const state = editor.state.apply(editor.state.tr.insertText(words, 1));
  editor.binding.send(state);
  return () => {
    Object.assign(editor, { state });
    editor.dispatch(editor.state.tr);
  };
}

test("what a person types is in the text before it is drawn, and once", () => {
  const take = type("~");
  expect(editor.text.toJSON()).toBe("~Once.\n");
  expect(editor.state.doc.textContent).toBe("Once.");
  take();
  expect(editor.text.toJSON()).toBe("~Once.\n");
  expect(editor.state.doc.textContent).toBe("~Once.");
  expect(editor.binding.healed).toBe(0);
});

test("a change of the text between sending and drawing is drawn after it", () => {
  editor.doc.once("afterTransaction", () => editor.text.insert(0, "y"));
  const take = type("~");
  take();
  expect(editor.text.toJSON()).toBe("y~Once.\n");
  expect(editor.state.doc.textContent).toBe("y~Once.");
});
