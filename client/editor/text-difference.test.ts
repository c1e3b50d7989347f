import { expect, test } from "vitest";
import { mapOffset, textDifference } from "./text-difference.ts";

test("finds the one place that changed", () => {
  expect(textDifference("a title", "a new title")).toEqual([{ retain: 2 }, { insert: "new " }]);
  expect(textDifference("a new title", "a title")).toEqual([{ retain: 2 }, { delete: 4 }]);
  expect(textDifference("same", "same")).toEqual([]);
  expect(textDifference("", "x")).toEqual([{ insert: "x" }]);
});

test("replaces whole characters where two emoji share half of their units", () => {
  expect(textDifference("😀", "😁")).toEqual([{ insert: "😁" }, { delete: 2 }]);
  expect(textDifference("x\u{1F600}", "x\u{1FA00}")).toEqual([
    { retain: 1 },
    { insert: "\u{1FA00}" },
    { delete: 2 },
  ]);
});

test("a caret stays beside its neighbour on the left", () => {
  expect(mapOffset(3, [{ insert: "ab" }])).toBe(5);
  expect(mapOffset(3, [{ retain: 3 }, { insert: "ab" }])).toBe(3);
  expect(mapOffset(3, [{ retain: 1 }, { delete: 4 }])).toBe(1);
  expect(mapOffset(3, [{ retain: 4 }, { delete: 1 }])).toBe(3);
});
