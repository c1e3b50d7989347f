import { expect, test } from "vitest";
import { type Candidates, minP, pick, topK, topP } from "./candidates.ts";

const idsOf = (candidates: Candidates) => candidates.map(({ id }) => id);
/** Logits of tokens 0, 1, 2 … with these probabilities. */
const withProbabilities = (...probabilities: number[]) =>
  Float32Array.from(probabilities, (p) => Math.log(p));

test("top-k keeps the k likeliest", () => {
  expect(idsOf(topK(Float32Array.of(1, 5, 3, 4, 2), 3))).toEqual([1, 2, 3]);
});

test("E4: top-k keeps every token that ties with the k-th, as Hugging Face's does", () => {
  expect(idsOf(topK(Float32Array.of(1, 2, 2, 2, 0), 2))).toEqual([1, 2, 3]);
});

test("top-k of 0, or of the whole vocabulary, keeps all that is not banned", () => {
  const logits = Float32Array.of(1, -Infinity, 3);
  expect(idsOf(topK(logits, 0))).toEqual([0, 2]);
  expect(idsOf(topK(logits, 3))).toEqual([0, 2]);
  expect(idsOf(topK(logits, 2))).toEqual([0, 2]);
});

test("top-k agrees with a full sort on a large vocabulary", () => {
  const logits = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * 12.9898) * 40);
  const sorted = [...logits].sort((a, b) => b - a).slice(0, 50);
  const kept = topK(logits, 50).map(({ logit }) => logit);
  expect(kept.sort((a, b) => b - a)).toEqual(sorted);
});

test.each([
  [0.5, [0]],
  [0.51, [0, 1]],
  [0.75, [0, 1]],
  [0.9, [0, 1, 2]],
  [0.01, [0]],
  [1, [0, 1, 2, 3]],
])("top-p of %d keeps the fewest likeliest that reach it", (p, kept) => {
  expect(idsOf(topP(topK(withProbabilities(0.5, 0.25, 0.15, 0.1), 0), p))).toEqual(kept);
});

test("top-p counts the probability that top-k left, not that of the whole vocabulary", () => {
  const candidates = topK(withProbabilities(0.4, 0.2, 0.2, 0.2), 0).slice(0, 2);
  expect(idsOf(topP(candidates, 0.65))).toEqual([0]);
});

test("top-p of a large vocabulary keeps what a full sort would", () => {
  const logits = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * 12.9898) * 6);
  const falling = topK(logits, 0).toSorted((a, b) => b.logit - a.logit || a.id - b.id);
  const weights = falling.map(({ logit }) => Math.exp(logit));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  const count = weights.findIndex((weight) => (mass += weight) >= 0.9 * total) + 1;
  expect(idsOf(topP(topK(logits, 0), 0.9))).toEqual(idsOf(falling.slice(0, count)));
});

test("min-p drops what is less likely than its share of the likeliest", () => {
  const candidates = topK(withProbabilities(0.5, 0.3, 0.15, 0.05), 0);
  expect(idsOf(minP(candidates, 0.29))).toEqual([0, 1, 2]);
  expect(idsOf(minP(candidates, 0.5))).toEqual([0, 1]);
  expect(idsOf(minP(candidates, 0))).toEqual([0, 1, 2, 3]);
});

test.each([
  [0, 0],
  [0.49, 0],
  [0.51, 1],
  [0.79, 1],
  [0.81, 2],
  [1 - 2 ** -53, 2],
])("the point %d falls on token %i", (point, id) => {
  expect(pick(topK(withProbabilities(0.5, 0.3, 0.2), 0), point)).toBe(id);
});

test("nothing can be picked from nothing", () => {
  expect(pick([], 0.5)).toBeUndefined();
});
