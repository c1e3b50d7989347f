import { expect, test } from "vitest";
import * as Y from "yjs";
import { replaceFormattedText, replaceText, textChanges } from "./text-difference.ts";

function textOf(content: string): Y.Text {
  const text = new Y.Doc().getText("body");
  text.insert(0, content);
  return text;
}

test("a changed word is the only thing that changes", () => {
  expect(textChanges("one\ntwo words here\nthree\n", "one\ntwo wards here\nthree\n")).toEqual([
    { index: 9, remove: 1, insert: "a" },
  ]);
});

test("a caret in an untouched sentence stays where it was", () => {
  const text = textOf("The river rose.\nThe house stood.\n");
  const caret = Y.createRelativePositionFromTypeIndex(text, 20);
  replaceText(text, "All night the river rose.\nA gate.\nThe house stood.\n");
  const found = Y.createAbsolutePositionFromRelativePosition(caret, text.doc as Y.Doc);
  expect(text.toString().slice(found?.index)).toBe("house stood.\n");
});

test("D3: a surrogate pair is never cut", () => {
  for (const [before, after] of [
    ["x😀y", "x😁y"],
    ["😀", "🌀"],
    ["a😀😀b", "a😀b"],
  ] as const) {
    for (const { insert } of textChanges(before, after))
      expect(insert).not.toMatch(/\p{Surrogate}/u);
    const text = textOf(before);
    replaceText(text, after);
    expect(text.toString()).toBe(after);
  }
});

test("attributes become the wanted ones, and inserted text takes none from its neighbour", () => {
  const wanted = textOf("plain bold\nheading\n");
  wanted.format(6, 4, { bold: true });
  wanted.format(18, 1, { block: "heading", level: 2 });
  const text = textOf("plain bald\nline\nheading\n");
  text.format(0, 8, { bold: true, run: "r1" });
  replaceFormattedText(text, wanted);
  expect(text.toDelta()).toEqual(wanted.toDelta());
});

test("any text becomes any other (seeded)", () => {
  let seed = 20_261_121;
  const draw = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const pieces = ["a", "b", "river ", "house", " ", "\n", "😀", "é", "The end.\n"];
  const content = () =>
    Array.from({ length: draw(30) }, () => pieces[draw(pieces.length)]).join("");
  for (let round = 0; round < 500; round++) {
    const text = textOf(content());
    const wanted = textOf(content());
    if (wanted.length > 2) wanted.format(draw(wanted.length - 1), 1, { bold: true });
    replaceFormattedText(text, wanted);
    expect(text.toDelta(), `round ${round}`).toEqual(wanted.toDelta());
  }
});

test("a long text is compared in a moment", () => {
  const lines = Array.from({ length: 40_000 }, (_, index) => `line ${index}`);
  const before = lines.join("\n");
  const after = lines.map((line, index) => (index % 2 === 0 ? line : `${line}!`)).join("\n");
  const started = performance.now();
  const text = textOf(before);
  replaceText(text, after);
  expect(text.toString()).toBe(after);
  expect(performance.now() - started).toBeLessThan(2_000);
});
