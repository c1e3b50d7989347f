import { expect, test } from "vitest";
import { type Candidates, likeliest, minP, pick, topK, topP, typicalP } from "./candidates.ts";

const idsOf = ({ ids }: Pick<Candidates, "ids">) => [...ids];
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
  const kept = idsOf(topK(logits, 50)).map((id) => logits[id] ?? 0);
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
  // Of 0.4 and 0.3 the first holds 0.571 by itself.
  const candidates = topK(withProbabilities(0.4, 0.3, 0.2, 0.1), 2);
  expect(idsOf(topP(candidates, 0.57))).toEqual([0]);
  expect(idsOf(topP(candidates, 0.58))).toEqual([0, 1]);
});

test("top-p of a large vocabulary keeps what a full sort would", () => {
  const logits = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * 12.9898) * 6);
  const falling = [...logits.keys()].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
  const weights = falling.map((id) => Math.exp(logits[id] ?? 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  const count = weights.findIndex((weight) => (mass += weight) >= 0.9 * total) + 1;
  expect(idsOf(topP(topK(logits, 0), 0.9))).toEqual(falling.slice(0, count));
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
  expect(pick(topK(Float32Array.of(-Infinity), 0), 0.5)).toBeUndefined();
});

/*
 * Probabilities 0.5, 0.25, 0.125, 0.125: surprises 1, 2, 3, 3 bits, entropy 1.75 bits; their
 * distances from it are 0.75, 0.25, 1.25, 1.25, so the order is 1, 0, then 2 and 3 alike.
 */
test.each([
  [0.2, [1]],
  [0.24, [1]],
  [0.26, [0, 1]],
  [0.74, [0, 1]],
  [0.76, [0, 1, 2, 3]],
  [0.9, [0, 1, 2, 3]],
  [1, [0, 1, 2, 3]],
])("E4: typical-p of %d keeps what is nearest to the expected surprise, ties too", (mass, kept) => {
  const candidates = topK(withProbabilities(0.5, 0.25, 0.125, 0.125), 0);
  expect(idsOf(typicalP(candidates, mass))).toEqual(kept);
});

test("typical-p takes the entropy of what the filters before it left", () => {
  // Of 0.6, 0.3 and 0.1 after top-k 2: 2/3 and 1/3, surprises 0.585 and 1.585, entropy 0.918 bits:
  // the first is nearer. Of all three the entropy is 1.295 bits and the second would be (1.737).
  const logits = withProbabilities(0.6, 0.3, 0.1);
  expect(idsOf(typicalP(topK(logits, 2), 0.1))).toEqual([0]);
  expect(idsOf(typicalP(topK(logits, 0), 0.1))).toEqual([1]);
});

test("typical-p of equally likely tokens keeps them all, and one banned stays out", () => {
  expect(idsOf(typicalP(topK(Float32Array.of(1, 1, -Infinity, 1), 0), 0.01))).toEqual([0, 1, 3]);
});

test("the likeliest come highest first, of equals the lower id, and nothing banned", () => {
  const logits = Float32Array.of(1, 7, -Infinity, 7, 3, 9);
  expect([...likeliest(logits, 3)]).toEqual([5, 1, 3]);
  expect([...likeliest(logits, 2)]).toEqual([5, 1]);
  expect([...likeliest(logits, 10)]).toEqual([5, 1, 3, 4, 0]);
  expect([...likeliest(logits, 0)]).toEqual([]);
});
