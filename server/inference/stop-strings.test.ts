import { expect, test } from "vitest";
import { findStop } from "./stop-strings.ts";

test.each([
  ["one two", ["two"], 4, true],
  ["one tw", ["two"], 4, false],
  ["one t", ["two"], 4, false],
  ["one", ["two"], 3, false],
  ["abc", ["cd", "bcd"], 1, false],
  ["abab", ["abac"], 2, false],
  ["end. The", ["The", "."], 3, true],
  ["", ["x"], 0, false],
  ["anything", [], 8, false],
])("in %j the stops %j leave %i units (complete: %s)", (text, stops, safeLength, complete) => {
  expect(findStop(text, stops)).toEqual({ safeLength, complete });
});

test("half a surrogate pair never cuts a character", () => {
  expect(findStop("a🙂", ["\ude42"])).toEqual({ safeLength: 3, complete: false });
  expect(findStop("a🙂", ["🙃"])).toEqual({ safeLength: 3, complete: false });
});
