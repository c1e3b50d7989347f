import { expect, test } from "vitest";
import { countedTokens, TokenHistory } from "./token-history.ts";

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

test("only what the run wrote is counted, the newest 1,024 of it", () => {
  const history = new TokenHistory(0, [7, 7, 7], [5, 6]);
  history.add(5);
  expect([...history.counts]).toEqual([
    [5, 2],
    [6, 1],
  ]);
  for (let i = 0; i < countedTokens - 1; i++) history.add(8);
  expect([...history.counts]).toEqual([
    [5, 1],
    [8, countedTokens - 1],
  ]);
  const many = Array.from({ length: 2 * countedTokens }, (_, i) => i);
  expect(new TokenHistory(0, [], many).counts.has(countedTokens - 1)).toBe(false);
  expect(new TokenHistory(0, [], many).counts.size).toBe(countedTokens);
});

test("a history goes on as one that was told in parts: a pause changes nothing", () => {
  const inOneGo = new TokenHistory(3, [1, 2]);
  for (const id of [3, 1, 2, 4]) inOneGo.add(id);
  const resumed = new TokenHistory(3, [1, 2, 3, 1], [3, 1]);
  for (const id of [2, 4]) resumed.add(id);
  expect([...resumed.counts]).toEqual([...inOneGo.counts]);
  expect([...resumed.seen]).toEqual([...inOneGo.seen]);
  expect(resumed.repeatingNext()).toEqual(inOneGo.repeatingNext());
});

test("a copy goes its own way", () => {
  const history = new TokenHistory(2, [1, 2], [2]);
  const copy = history.copy();
  copy.add(1);
  expect(copy.repeatingNext()).toEqual([2]);
  expect(history.repeatingNext()).toEqual([]);
  expect(history.counts.has(1)).toBe(false);
});

test("a history ends with its last tokens, and with nothing longer than itself", () => {
  const history = new TokenHistory(0, [1, 2, 3]);
  expect(history.endsWith([2, 3])).toBe(true);
  expect(history.endsWith([2, 3, 4], 2)).toBe(true);
  expect(history.endsWith([])).toBe(true);
  expect(history.endsWith([1, 3])).toBe(false);
  expect(history.endsWith([0, 1, 2, 3])).toBe(false);
});
