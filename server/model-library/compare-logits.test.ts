import { expect, test } from "vitest";
import { divergence, indexOfLargest, logProbability } from "./compare-logits.ts";

const logits = (probabilities: number[], shift: number) =>
  Float32Array.from(probabilities, (p) => Math.log(p) + shift);

test("E28: divergence is the sum of p times the difference of the logarithms, whatever is added to logits", () => {
  const [p, q] = [logits([0.5, 0.25, 0.25], 3), logits([0.25, 0.25, 0.5], -40)];
  expect(divergence(p, q)).toBeCloseTo(0.25 * Math.LN2, 5);
  expect(divergence(p, p)).toBe(0);
  expect(divergence(q, p)).toBeCloseTo(0.25 * Math.LN2, 5);
  expect(divergence(logits([0.9, 0.1], 0), logits([0.5, 0.5], 0))).toBeCloseTo(
    0.9 * Math.log(1.8) + 0.1 * Math.log(0.2),
    5,
  );
});

test("logits beyond what an exponent holds are compared, and no numbers are not", () => {
  const p = Float32Array.of(1000, 990);
  expect(divergence(p, Float32Array.of(-2000, -2010))).toBeCloseTo(0, 6);
  expect(divergence(p, Float32Array.of(Number.NaN, 1))).toBeNaN();
});

test("the likeliest is the first of several, and its probability is what logits say", () => {
  expect(indexOfLargest(Float32Array.of(1, 3, 3, 2))).toBe(1);
  expect(logProbability(logits([0.5, 0.3, 0.2], 7), 1)).toBeCloseTo(Math.log(0.3), 6);
});
