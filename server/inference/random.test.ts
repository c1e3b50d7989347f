import { expect, test } from "vitest";
import { uniform } from "./random.ts";

test("a draw depends on seed and index alone", () => {
  expect(uniform(7, 3)).toBe(uniform(7, 3));
  expect(uniform(7, 3)).not.toBe(uniform(7, 4));
  expect(uniform(7, 3)).not.toBe(uniform(8, 3));
});

test("draws spread evenly over [0, 1), for neighbouring seeds and indices too", () => {
  const buckets = Array.from({ length: 20 }, () => 0);
  for (let seed = 0; seed < 200; seed++) {
    for (let index = 0; index < 500; index++) {
      const value = uniform(seed, index);
      expect(value >= 0 && value < 1).toBe(true);
      const bucket = Math.floor(value * 20);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
  }
  const chiSquare = buckets.reduce((sum, count) => sum + (count - 5000) ** 2 / 5000, 0);
  expect(chiSquare).toBeLessThan(43.8); // 99.9 % of fair generators stay below this with 20 buckets
});

test("a draw says nothing about the next", () => {
  let sum = 0;
  for (let i = 0; i < 10_000; i++) sum += (uniform(5, i) - 0.5) * (uniform(5, i + 1) - 0.5);
  expect(Math.abs(sum / 10_000)).toBeLessThan(0.004);
});

test("the largest seed and index still give a draw", () => {
  expect(uniform(2 ** 32 - 1, 2 ** 31)).toBeLessThan(1);
});
