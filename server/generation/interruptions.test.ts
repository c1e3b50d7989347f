import { expect, test } from "vitest";
import { Interruptions } from "./interruptions.ts";

test("R3: a command that comes while the prompt is about to be read is not forgotten with it", () => {
  const interruptions = new Interruptions();
  interruptions.add({ kind: "read_again" });
  interruptions.add({ kind: "asked" });
  interruptions.beginReading();
  expect(interruptions.current).toEqual({ kind: "asked" });
  expect(interruptions.untilReadAgain.aborted).toBe(true);
  interruptions.reset();
  expect(interruptions.current).toBeUndefined();
  expect([interruptions.untilReadAgain.aborted, interruptions.untilStandstill.aborted]).toEqual([
    false,
    false,
  ]);
});

test("R4: a reason to read again is over with the next reading", () => {
  const interruptions = new Interruptions();
  interruptions.add({ kind: "read_again" });
  interruptions.beginReading();
  expect(interruptions.current).toBeUndefined();
  expect(interruptions.untilReadAgain.aborted).toBe(false);
});
