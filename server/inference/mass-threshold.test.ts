import { expect, test } from "vitest";
import { Random } from "../../tests/support/random.ts";
import { massThreshold } from "./mass-threshold.ts";

test("the threshold is the one that a full sort finds, with ties and weights of nothing", () => {
  const random = new Random(8);
  for (let round = 0; round < 300; round++) {
    const size = 1 + random.below(40);
    const keys = Float64Array.from({ length: size }, () => -random.below(10));
    // Whole numbers, so that the order of adding does not matter.
    const weights = Float64Array.from({ length: size }, () => random.below(4));
    const mass = random.below(40) + 1;
    const sorted = [...keys.keys()].sort((a, b) => (keys[b] ?? 0) - (keys[a] ?? 0));
    let sum = 0;
    const last = sorted.find((place) => (sum += weights[place] ?? 0) >= mass) ?? sorted.at(-1) ?? 0;
    expect(massThreshold(keys, weights, mass)).toBe(keys[last]);
  }
});

test("a key of −Infinity is the last, and one key is enough", () => {
  const keys = Float64Array.of(-Infinity, -1);
  expect(massThreshold(keys, Float64Array.of(0, 1), 1)).toBe(-1);
  expect(massThreshold(keys, Float64Array.of(0, 1), 2)).toBe(-Infinity);
  expect(massThreshold(Float64Array.of(-3), Float64Array.of(1), 0.5)).toBe(-3);
});
