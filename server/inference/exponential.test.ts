import { expect, test } from "vitest";
import { Random } from "../../tests/support/random.ts";
import { sumOfExponentials } from "./exponential.ts";

test("the sum of exponentials is Math.exp's to a relative 1e-10, whatever the spread", () => {
  const random = new Random(7);
  for (const spread of [0.001, 1, 10, 40, 300]) {
    const values = Float32Array.from({ length: 5000 }, () => (random.next() - 0.7) * spread);
    const highest = Math.max(...values);
    const exact = values.reduce((sum, value) => sum + Math.exp(value - highest), 0);
    expect(Math.abs(sumOfExponentials(values, highest) / exact - 1)).toBeLessThan(1e-10);
  }
});

test("banned values add nothing, and the highest alone is 1", () => {
  expect(sumOfExponentials(Float32Array.of(-Infinity, 3, -Infinity), 3)).toBe(1);
  expect(sumOfExponentials(Float32Array.of(3, 3, -1e30), 3)).toBe(2);
});
