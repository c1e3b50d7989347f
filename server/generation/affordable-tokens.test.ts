import { expect, it } from "vitest";
import { affordableTokens } from "./affordable-tokens.ts";

const tokens = ["a", "b", "", "ü", "c"].map((text, index) => ({
  index,
  id: index,
  text,
  logprob: 0,
}));
const written = (used: number, limit: number | null) =>
  affordableTokens(tokens, { used, limit }).map(({ text }) => text);

it("A23: no more is written than the day's limit leaves, and no half characters", () => {
  expect(written(0, null)).toHaveLength(5);
  expect(written(0, 9)).toHaveLength(5);
  expect(written(4, 9)).toHaveLength(5);
  expect(written(5, 9)).toEqual(["a", "b", "", "ü"]);
  expect(written(6, 9)).toEqual(["a", "b"]);
  expect(written(8, 9)).toEqual(["a"]);
  expect(affordableTokens(tokens.slice(2), { used: 8, limit: 9 })).toHaveLength(2);
  expect(affordableTokens(tokens, undefined)).toHaveLength(5);
});
