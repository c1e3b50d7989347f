import { expect, test } from "vitest";
import {
  addBias,
  ban,
  best,
  divideByTemperature,
  logSoftmax,
  logSumExp,
  penaliseFrequency,
  penaliseRepetition,
} from "./logits-processors.ts";

test("E4: a repeated token's positive logit is divided, its negative one multiplied, once each", () => {
  const logits = Float32Array.of(3, -2, 0.5, 0);
  penaliseRepetition(logits, new Set([0, 1, 3]), 2);
  expect([...logits]).toEqual([1.5, -4, 0.5, 0]);
});

test("a penalty of 1 changes nothing, and ids outside the vocabulary are passed over", () => {
  const logits = Float32Array.of(3, -2);
  penaliseRepetition(logits, [0, 1], 1);
  penaliseRepetition(logits, [7], 2);
  expect([...logits]).toEqual([3, -2]);
});

test("temperature divides every logit and leaves bans", () => {
  const logits = Float32Array.of(2, -1, 5);
  ban(logits, [2]);
  expect(divideByTemperature(logits, 0.5)).toBe(4);
  expect([...logits]).toEqual([4, -2, -Infinity]);
});

test("the normaliser is log Σ exp, also for logits far from zero", () => {
  expect(logSumExp(Float32Array.of(0, Math.log(3)))).toBeCloseTo(Math.log(4), 6);
  expect(logSumExp(Float32Array.of(1000, 1000))).toBeCloseTo(1000 + Math.log(2), 3);
  expect(logSumExp(Float32Array.of(-Infinity, -Infinity))).toBe(-Infinity);
});

test("the best token is the first of the highest, and none when all are banned", () => {
  expect(best(Float32Array.of(1, 4, 4, 2))).toBe(1);
  expect(best(Float32Array.of(-Infinity, -Infinity))).toBeUndefined();
});

test("E4: frequency counts each time a token was written, presence only whether it was", () => {
  const logits = Float32Array.of(3, -2, 0.5, 1);
  const counts = new Map([
    [0, 3],
    [1, 1],
    [9, 5],
  ]);
  penaliseFrequency(logits, counts, { frequency: 0.5, presence: 0.25 });
  // 3 − 3 · 0.5 − 0.25, −2 − 0.5 − 0.25
  expect([...logits]).toEqual([1.25, -2.75, 0.5, 1]);
});

test("negative penalties favour what was written", () => {
  const logits = Float32Array.of(0, 0);
  penaliseFrequency(logits, [[1, 2]], { frequency: -2, presence: -1 });
  expect([...logits]).toEqual([0, 5]);
});

test("a bias is added, a ban stays one, and ids outside the vocabulary change nothing", () => {
  const logits = Float32Array.of(1, 2, -Infinity);
  addBias(logits, { 0: -100, 1: 2.5, 2: 100, 3: 9 });
  ban(logits, [7]);
  expect([...logits]).toEqual([-99, 4.5, -Infinity]);
  expect(logits).toHaveLength(3);
});

test("log-softmax makes probabilities that add up to 1", () => {
  const logits = Float32Array.of(0, Math.log(3), -Infinity);
  logSoftmax(logits);
  expect(logits[0]).toBeCloseTo(Math.log(0.25), 6);
  expect(logits[1]).toBeCloseTo(Math.log(0.75), 6);
  expect(logits[2]).toBe(-Infinity);
});
