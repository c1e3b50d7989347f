import { expect, test } from "vitest";
import { TokenHistory } from "./token-history.ts";

test("the token that followed the last n − 1 tokens before would repeat the n-gram", () => {
  const history = new TokenHistory(3, [1, 2, 3, 1, 2, 4, 1, 2]);
  expect(history.repeatingNext()).toEqual([3, 4]);
  history.add(5);
  expect(history.repeatingNext()).toEqual([]);
});

test("with n = 1 every token that occurred would repeat, with n = 0 none", () => {
  expect(new TokenHistory(1, [4, 9]).repeatingNext()).toEqual([4, 9]);
  expect(new TokenHistory(0, [4, 9]).repeatingNext()).toEqual([]);
});

test("a history shorter than n − 1 repeats nothing", () => {
  expect(new TokenHistory(4, [1, 2]).repeatingNext()).toEqual([]);
  expect(new TokenHistory(4, []).repeatingNext()).toEqual([]);
});

test("ids are kept apart in a key: 1, 23 is not 12, 3", () => {
  expect(new TokenHistory(3, [1, 23, 5, 12, 3]).repeatingNext()).toEqual([]);
});

test("what occurred is known once", () => {
  expect([...new TokenHistory(0, [3, 1, 3]).seen]).toEqual([3, 1]);
});
