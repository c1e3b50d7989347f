import { expect, test } from "vitest";
import { inBytes } from "./in-bytes.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [12_345, "12 kB"],
  [1_440_000, "1.4 MB"],
  [5_000_000_000, "5.0 GB"],
])("a size is said in the unit that fits: %i", (bytes, said) => {
  expect(inBytes(bytes)).toBe(said);
});
