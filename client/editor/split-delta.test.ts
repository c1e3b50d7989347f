import { expect, test } from "vitest";
import * as Y from "yjs";
import { sharedTypes, syncLimits } from "#shared/sync-protocol.ts";
import type { Delta } from "./delta.ts";
import { splitDelta } from "./split-delta.ts";

function applied(deltas: readonly Delta[], opening: string): Y.Text {
  const text = new Y.Doc().getText(sharedTypes.body);
  text.insert(0, opening);
  for (const delta of deltas) text.applyDelta([...delta]);
  return text;
}

test("a small delta stays one", () => {
  const delta = [{ retain: 2 }, { insert: "x" }, { delete: 1 }];
  expect(splitDelta(delta)).toEqual([delta]);
});

test("the parts of a large delta do together what it does, and no part cuts a character", () => {
  const delta = [
    { retain: 2 },
    { insert: "a😀".repeat(20), attributes: { bold: true } },
    { insert: "\n", attributes: { block: "heading", level: 1 } },
    { insert: "plain ".repeat(5) },
    { retain: 1, attributes: { italic: true } },
    { delete: 2 },
  ];
  const parts = splitDelta(delta, { units: 7, bytes: 10_000 });
  expect(parts.length).toBeGreaterThan(8);
  for (const part of parts) {
    for (const { insert = "" } of part) expect(insert).not.toMatch(/\p{Surrogate}/u);
  }
  const wanted = applied([delta], "0123456789\n");
  expect(applied(parts, "0123456789\n").toDelta()).toEqual(wanted.toDelta());
});

test("each part of a very large paste fits into an update frame", () => {
  const text = applied([], "\n");
  const sizes: number[] = [];
  text.doc?.on("update", (update: Uint8Array) => sizes.push(update.length));
  const lines = Array.from({ length: 9_000 }, (_, line) => [
    { insert: "漢字かな混じり文 ".repeat(3), attributes: line % 2 === 0 ? { bold: true } : {} },
    { insert: "\n", attributes: { block: "heading", level: (line % 3) + 1 } },
  ]);
  for (const part of splitDelta(lines.flat())) text.applyDelta(part);
  expect(Math.max(...sizes)).toBeLessThan(syncLimits.updateBytes - 100);
});
