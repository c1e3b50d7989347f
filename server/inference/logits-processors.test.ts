import { expect, test } from "vitest";
import {
  ban,
  best,
  divideByTemperature,
  logSumExp,
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
  divideByTemperature(logits, 0.5);
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
