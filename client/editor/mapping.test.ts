import { EditorState } from "@tiptap/pm/state";
import { Transform } from "@tiptap/pm/transform";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";
import { createBinding } from "./binding.ts";
import { applyDelta } from "./delta-to-steps.ts";
import { documentFromDelta } from "./document-from-delta.ts";
import { flatLength, offsetAt, positionAt } from "./positions.ts";
import { manuscriptSchema, nodeType } from "./schema.ts";
import { createHeadlessEditor } from "./test-support/headless-editor.ts";

const schema = manuscriptSchema();
const heading = { block: "heading", level: 2 };
const story = documentFromDelta(schema, [
  { insert: "Title" },
  { insert: "\n", attributes: heading },
  { insert: "one" },
  { insert: "bold", attributes: { bold: true } },
  { insert: "\n\nlast\n" },
]);

describe("positions", () => {
  test("an offset and its position are each other's", () => {
    for (let offset = 0; offset < flatLength(story); offset++) {
      expect(offsetAt(story, positionAt(story, offset))).toBe(offset);
    }
  });

  test("an offset past the end gives the end of the last block", () => {
    expect(positionAt(story, 1_000)).toBe(story.content.size - 1);
  });
});

describe("remote deltas", () => {
  const changed = (delta: Parameters<typeof applyDelta>[1]) =>
    applyDelta(new Transform(story), delta, () => ({}));

  test("an insertion of lines splits: the left block takes the new break's type", () => {
    const { doc } = changed([{ retain: 8 }, { insert: "\n", attributes: heading }]);
    expect(doc.child(1).type.name).toBe("heading");
    expect(doc.child(1).textContent).toBe("on");
    expect(doc.child(2).type.name).toBe("paragraph");
  });

  test("D5: a deletion across lines leaves the right line's type", () => {
    const { doc } = changed([{ retain: 2 }, { delete: 5 }]);
    expect(doc.child(0).type.name).toBe("paragraph");
    expect(doc.child(0).textContent).toBe("Tinebold");
  });

  test("whole lines go as whole nodes, and the next keeps its type", () => {
    const transform = changed([{ retain: 6 }, { delete: 8 }]);
    expect(transform.steps).toHaveLength(1);
    expect(transform.doc.childCount).toBe(3);
    expect(transform.doc.child(0).type.name).toBe("heading");
  });
});

describe("a text without its final line break", () => {
  test("D2: is shown, and the editor neither fights it nor writes behind it", () => {
    const server = new Y.Doc();
    server.getText(sharedTypes.body).insert(0, "no break");
    const editor = createHeadlessEditor(10, Y.encodeStateAsUpdate(server));
    expect(editor.state.doc.textContent).toBe("no break");
    editor.dispatch(editor.state.tr.insertText("!", 9));
    expect(editor.text.toJSON()).toBe("no break!");
    editor.dispatch(editor.state.tr.setBlockType(1, 9, nodeType(schema, "heading"), { level: 1 }));
    expect(editor.text.toJSON()).toBe("no break!");
  });
});

test("D6: an editor that differs from its text is drawn anew, and that is counted", () => {
  const doc = new Y.Doc();
  const text = doc.getText(sharedTypes.body);
  text.insert(0, "abc\n");
  const binding = createBinding({ text });
  const host = {
    state: EditorState.create({ schema, doc: story, plugins: [binding.plugin] }),
    dispatch: (transaction: EditorState["tr"]) => {
      host.state = host.state.apply(transaction);
      attached.update();
    },
  };
  const attached = binding.attach(host);
  text.insert(1, "x");
  expect(host.state.doc.textContent).toBe("axbc");
  expect(binding.healed).toBe(1);
});
