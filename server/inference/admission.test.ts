import { afterEach, expect, test, vi } from "vitest";
import { createPretendModel, type PretendModel } from "./test-support/pretend-model.ts";
import { ask, openSchedulerDesk, type SchedulerDesk } from "./test-support/scheduler-desk.ts";

const contextTokens = 128;
const card = { contextTokens, endOfTextId: 31, vocabularySize: 32 };
const limited = (maxTokens: number) => ({ maxTokens, minTokens: maxTokens, noRepeatNgramSize: 0 });
const endless = { noRepeatNgramSize: 0 };
let model: PretendModel;
let desk: SchedulerDesk;
/** The most that all keys and values took in any step. */
let mostBytes: number;
afterEach(() => desk.scheduler.close());

function open(options: Partial<Parameters<typeof openSchedulerDesk>[0]> & { memoryBytes: number }) {
  model = createPretendModel({ contextTokens, vocabularySize: 32, maxRows: 8 });
  desk = openSchedulerDesk({ model, card, places: 8, greedy: true, ...options });
  watchMemory();
}

function watchMemory() {
  mostBytes = 0;
  desk.betweenSteps = () => void (mostBytes = Math.max(mostBytes, model.bytes()));
}
const bytesFor = (tokens: number) =>
  createPretendModel({ contextTokens, vocabularySize: 32, maxRows: 1 }).bytesFor(tokens);
const ended = (...generations: number[]) =>
  vi.waitFor(() => {
    for (const id of generations) expect(desk.endings.get(id)).toEqual({ how: "ended" });
  });
/** Tokens that begin alike up to `shared`. */
const text = (length: number, shared: number, own: number) =>
  Array.from({ length }, (_, i) => (i < shared ? (i * 7) % 31 : (i * 5 + own) % 31));

test("E20: a paused run that was rebuilding its window takes no third memory when it goes on", async () => {
  const memoryBytes = bytesFor(contextTokens) + bytesFor(contextTokens / 2);
  open({ memoryBytes });
  desk.scheduler.generate(0, 0, ask([1, 2, 3], endless));
  // Just before its window is full, with the next one begun.
  desk.betweenSteps = () => {
    if (desk.idsOf(0).length === 122) desk.scheduler.cancel(0);
  };
  await ended(0);
  watchMemory();
  const ids = desk.idsOf(0);
  const request = ask([1, 2, 3, ...ids], limited(ids.length + 60), { firstIndex: ids.length });
  desk.scheduler.generate(1, 0, request);
  await ended(1);
  expect(mostBytes).toBeLessThanOrEqual(memoryBytes);
});

test("E20: who was handed a memory and then takes over from another's keeps only one", async () => {
  const memoryBytes = 2 * bytesFor(contextTokens);
  open({ memoryBytes });
  desk.scheduler.generate(0, 1, ask(text(120, 20, 1), limited(1)));
  await ended(0);
  desk.scheduler.generate(1, 2, ask(text(120, 120, 0), limited(8)));
  desk.scheduler.generate(2, 1, ask(text(120, 110, 2), limited(8)));
  await ended(1, 2);
  expect(desk.prefills.get(2)?.keptTokens).toBe(110);
  expect(mostBytes).toBeLessThanOrEqual(memoryBytes);
});

test("E20 E23: a beam is not handed a memory larger than its own share", async () => {
  const memoryBytes = bytesFor(contextTokens);
  open({ memoryBytes });
  desk.scheduler.generate(0, 0, ask(text(120, 10, 1), limited(1)));
  await ended(0);
  const beams = { strategy: "beams", beams: 2, ...limited(10) } as const;
  desk.scheduler.generate(1, 1, ask(text(10, 10, 0), beams));
  await ended(1);
  expect(mostBytes).toBeLessThanOrEqual(memoryBytes);
});

test("E19 E24: what a paused run drew is left to it where there is room for another memory", async () => {
  open({ memoryBytes: 4 * bytesFor(contextTokens) });
  const prompt = text(60, 60, 0);
  desk.scheduler.generate(0, 0, ask(prompt, limited(20)));
  await ended(0);
  desk.scheduler.generate(1, 1, ask(text(70, 55, 1), limited(5)));
  await ended(1);
  expect(desk.prefills.get(1)?.keptTokens).toBe(55);
  const request = ask([...prompt, ...desk.idsOf(0)], limited(40), { firstIndex: 20 });
  desk.scheduler.generate(2, 0, request);
  await ended(2);
  expect(desk.prefills.get(2)?.keptTokens).toBe(79);
});

test("E19: a window that is rebuilt takes no paused run's memory for the token that both begin with", async () => {
  const memoryBytes = 8 * bytesFor(contextTokens);
  open({ memoryBytes });
  desk.scheduler.generate(0, 0, ask([1, 2, 3], limited(200)));
  await ended(0);
  const all = [1, 2, 3, ...desk.idsOf(0)];
  await desk.scheduler.close();
  open({ memoryBytes });
  const prompt = [...all.slice(65, 66), ...text(30, 0, 3)];
  desk.scheduler.generate(0, 1, ask(prompt, limited(5)));
  await ended(0);
  desk.scheduler.generate(1, 0, ask([1, 2, 3], limited(200)));
  await ended(1);
  const request = ask([...prompt, ...desk.idsOf(0)], limited(8), { firstIndex: 5 });
  desk.scheduler.generate(2, 1, request);
  await ended(2);
  expect(desk.prefills.get(2)?.keptTokens).toBe(35);
});

const eightBeams = { strategy: "beams", beams: 8, ...limited(4) } as const;

test("E21: a search that has no room holds up those behind it for a while only", async () => {
  open({ memoryBytes: 20 * bytesFor(contextTokens), holdUpMs: 150 });
  desk.scheduler.generate(0, 0, ask([1, 2, 3], endless));
  desk.scheduler.generate(1, 1, ask([4, 5], eightBeams));
  const since = performance.now();
  desk.scheduler.generate(2, 2, ask([6], limited(3)));
  await ended(2);
  expect(performance.now() - since).toBeGreaterThanOrEqual(150);
  expect(desk.queues.at(-1)).toEqual([1]);
  desk.scheduler.cancel(0);
  await ended(1);
});

test("E21: a search that has no room gets it under a stream of newcomers that would fit", async () => {
  open({ memoryBytes: 20 * bytesFor(contextTokens), holdUpMs: 50 });
  let arrived = 2;
  desk.betweenSteps = () => {
    const running = arrived - desk.endings.size;
    for (let i = running; i < 12; i++, arrived++)
      desk.scheduler.generate(arrived, arrived, ask([arrived % 31], limited(20)));
  };
  desk.scheduler.generate(0, 0, ask([1, 2, 3], limited(5)));
  desk.scheduler.generate(1, 1, ask([4, 5], eightBeams));
  await ended(1);
  expect(arrived).toBeGreaterThan(10);
});
