import { afterEach, expect, test, vi } from "vitest";
import { createPretendModel } from "./test-support/pretend-model.ts";
import { ask, openSchedulerDesk, type SchedulerDesk, wrap } from "./test-support/scheduler-desk.ts";

const contextTokens = 128;
const vocabularySize = 32;
const card = { contextTokens, endOfTextId: vocabularySize - 1, vocabularySize };
const prompt = Array.from({ length: 60 }, (_, i) => i % 30);
const limits = { maxTokens: 20, minTokens: 20, noRepeatNgramSize: 0 };

let desk: SchedulerDesk;
afterEach(() => desk.scheduler.close());

/** The system has no memory for what the caches so numbered are asked to do; by default all of them. */
function open(
  refuse: "copyFrom" | "reserve" = "copyFrom",
  isRefused: (cache: number) => boolean = () => true,
): SchedulerDesk {
  const model = createPretendModel({ contextTokens, vocabularySize, maxRows: 16 });
  let caches = 0;
  const starved = wrap(model, {
    createCache() {
      const cache = model.createCache();
      if (!isRefused(caches++)) return cache;
      cache[refuse] = () => {
        throw new RangeError("Array buffer allocation failed");
      };
      return cache;
    },
  });
  const memoryBytes = model.bytesFor(contextTokens) * 100;
  desk = openSchedulerDesk({ model: starved, card, places: 8, memoryBytes, greedy: true });
  return desk;
}

const ended = (...generations: number[]) =>
  vi.waitFor(() => expect(generations.filter((id) => !desk.endings.has(id))).toEqual([]), {
    timeout: 10_000,
    interval: 5,
  });
const failed = { how: "failed", message: "Array buffer allocation failed" };

test("E8: memory that the system refuses to one text ends that one, and its neighbours go on", async () => {
  const { scheduler, endings } = open();
  scheduler.generate(0, 0, ask(prompt, { ...limits, maxTokens: 60, minTokens: 60 }));
  await vi.waitFor(() => expect(desk.idsOf(0).length).toBeGreaterThan(0));
  // What it shares with the first would be copied.
  scheduler.generate(1, 1, ask([...prompt, 7, 8], limits));
  scheduler.generate(2, 2, ask([1, 2, 3], limits));
  await ended(0, 1, 2);
  expect([0, 1, 2].map((id) => endings.get(id))).toEqual([
    { how: "ended" },
    failed,
    { how: "ended" },
  ]);
  expect(desk.idsOf(0)).toHaveLength(60);
});

test("E8: so it does where a beam needs a memory of its own", async () => {
  const { scheduler, endings } = open();
  scheduler.generate(0, 0, ask([4, 5, 6], limits));
  scheduler.generate(1, 1, ask([1, 2, 3], { ...limits, strategy: "beams", beams: 3 }));
  await ended(0, 1);
  expect([0, 1].map((id) => endings.get(id))).toEqual([{ how: "ended" }, failed]);
});

test("E8: so it does where a text's first keys and values are refused, and where its next window's are", async () => {
  const { scheduler, endings } = open("reserve", (cache) => cache >= 2);
  scheduler.generate(0, 0, ask(prompt, { ...limits, maxTokens: 60, minTokens: 60 }));
  // Goes on past its window, for which it needs the third.
  scheduler.generate(1, 1, ask([1, 2, 3], { ...limits, maxTokens: 200, minTokens: 200 }));
  await vi.waitFor(() => expect(desk.idsOf(1).length).toBeGreaterThan(0));
  scheduler.generate(2, 2, ask([29, 28, 27], limits));
  await ended(0, 1, 2);
  expect([0, 1, 2].map((id) => endings.get(id))).toEqual([{ how: "ended" }, failed, failed]);
  expect(desk.idsOf(0)).toHaveLength(60);
  expect(desk.idsOf(1).length).toBeGreaterThan(20);
});

test("E8: who waits for what another computes goes on where the system refuses memory to that one", async () => {
  const { scheduler, endings } = open("reserve", (cache) => cache === 0);
  scheduler.generate(0, 0, ask(prompt, limits));
  scheduler.generate(1, 1, ask(prompt, limits));
  await ended(0, 1);
  expect([0, 1].map((id) => endings.get(id))).toEqual([failed, { how: "ended" }]);
});
