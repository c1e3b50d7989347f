import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

test("a pace is the mean of the last five seconds, and falls while nothing comes", () => {
  let now = 0;
  const pace = new Pace(() => now);
  expect(pace.bytesPerSecond()).toBeNull();
  for (; now <= 10_000; now += 500) pace.note(now < 5_000 ? 0 : (now - 5_000) * 2);
  now = 10_000;
  expect(pace.bytesPerSecond()).toBe(2_000);
  now = 15_000;
  expect(pace.bytesPerSecond()).toBe(1_000);
});

test("what begins anew, or is no download any more, has none of the old pace", () => {
  let now = 0;
  const pace = new Pace(() => now);
  for (; now < 2_000; now += 500) pace.note(now * 10);
  pace.note(0);
  expect(pace.bytesPerSecond()).toBeNull();
  pace.note(undefined);
  expect(pace.bytesPerSecond()).toBeNull();
});
