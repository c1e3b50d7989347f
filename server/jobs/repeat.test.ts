import pino from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { repeat } from "./repeat.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const options = { everyMs: 1_000, logger: pino({ level: "silent" }), name: "test" };

test("a task runs at once and at each turn, and not after the close", async () => {
  const task = vi.fn<() => Promise<void>>(async () => undefined);
  const repeated = repeat(task, options);
  expect(task).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(task).toHaveBeenCalledTimes(4);
  await repeated.close();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(task).toHaveBeenCalledTimes(4);
});

test("a task that fails is tried at the next turn", async () => {
  const task = vi.fn<() => Promise<void>>(() => Promise.reject(new Error("the database is away")));
  const repeated = repeat(task, options);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(task).toHaveBeenCalledTimes(3);
  await repeated.close();
});

test("a task that takes long is not begun a second time, and the close waits for it", async () => {
  let end: () => void = () => undefined;
  const task = vi.fn<() => Promise<void>>(() => new Promise<void>((resolve) => (end = resolve)));
  const repeated = repeat(task, options);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(task).toHaveBeenCalledTimes(1);
  let closed = false;
  const closing = repeated.close().then(() => {
    closed = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(closed).toBe(false);
  end();
  await closing;
});
