import { expect, test } from "vitest";
import { Random } from "../../tests/support/random.ts";
import { takeInOrder } from "./take-in-order.ts";

test("places come by falling key, equal ones in their order, until there are enough", () => {
  const random = new Random(1);
  for (let round = 0; round < 100; round++) {
    const keys = Float64Array.from({ length: 1 + random.below(50) }, () => random.below(9));
    const places = Int32Array.from(keys.keys()).filter(() => random.chance(0.8));
    const sorted = [...places].sort((a, b) => (keys[b] ?? 0) - (keys[a] ?? 0) || a - b);
    const enough = random.below(60);
    let count = 0;
    const taken = takeInOrder(places, keys, () => ++count < enough);
    expect([...taken]).toEqual(sorted.slice(0, Math.max(1, enough)));
  }
});
