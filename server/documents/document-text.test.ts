import { expect, test } from "vitest";
import * as Y from "yjs";
import { formattedBodyOf, writeFirstCopy } from "./document-text.ts";

function copyOf(source: Y.Doc, firstText: string): Y.Text {
  const copy = new Y.Doc();
  if (firstText !== "") copy.getText("body").insert(0, firstText);
  writeFirstCopy(copy, "Copy", formattedBodyOf(source));
  expect(copy.getText("title").toJSON()).toBe("Copy");
  return copy.getText("body");
}

test.each(["", "\n"])(
  "a copy in a document that holds %j has the text and its formatting, and no run's mark",
  (first) => {
    const source = new Y.Doc();
    source
      .getText("body")
      .applyDelta([
        { insert: "Bold", attributes: { bold: true, run: "run-1" } },
        { insert: " and", attributes: { run: "run-1" } },
        { insert: " plain" },
        { insert: "\n", attributes: { block: "heading", level: 2 } },
      ]);
    expect(copyOf(source, first).toDelta()).toEqual([
      { insert: "Bold", attributes: { bold: true } },
      { insert: " and plain" },
      { insert: "\n", attributes: { block: "heading", level: 2 } },
    ]);
  },
);

test.each(["", "\n"])("a copy of an empty document, in one that holds %j, is empty", (first) => {
  const source = new Y.Doc();
  source.getText("body").insert(0, "\n");
  expect(copyOf(source, first).toJSON()).toBe("\n");
});
