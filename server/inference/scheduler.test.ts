import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { type LanguageModel, loadLanguageModel, type Row } from "./language-model.ts";
import { openRuntime } from "./open-runtime.ts";
import { initialCredit } from "./protocol.ts";
import { Scheduler, type SchedulerEvents } from "./scheduler.ts";
import { someTokens, talesCard, talesFolder } from "./test-support/tales.ts";

let model: LanguageModel;
let scheduler: Scheduler;
/** The rows of each step, as [past, new tokens]. */
let steps: [number, number][][];
const events = {
  prefilled: vi.fn<SchedulerEvents["prefilled"]>(),
  token: vi.fn<SchedulerEvents["token"]>(),
  ended: vi.fn<SchedulerEvents["ended"]>(),
  failed: vi.fn<SchedulerEvents["failed"]>(),
  queue: vi.fn<SchedulerEvents["queue"]>(),
};
/** What happens between two steps; a test may replace it. */
let listen: () => void;

beforeEach(async () => {
  vi.resetAllMocks();
  steps = [];
  listen = () => {};
  const { runtime } = await openRuntime();
  model = await loadLanguageModel({ folder: talesFolder, card: talesCard, runtime });
  const watched: LanguageModel = {
    ...model,
    run(rows: readonly Row[]) {
      steps.push(rows.map(({ past, tokens }) => [past, tokens.length]));
      return model.run(rows);
    },
  };
  scheduler = new Scheduler({
    model: watched,
    card: talesCard,
    places: 3,
    events,
    listen: () => new Promise((resolve) => setImmediate(resolve)).then(() => listen()),
  });
});
afterEach(async () => {
  await scheduler.close();
  await model.release();
});

const ask = (prompt: number[], sampling: Partial<Sampling> = {}) => ({
  prompt,
  firstIndex: 0,
  sampling: { ...defaultSampling, seed: 1, maxTokens: null, ...sampling },
  history: [],
});
const tokensOf = (generation: number) =>
  events.token.mock.calls.filter(([id]) => id === generation).map(([, token]) => token);
const idle = () => vi.waitFor(() => expect(tokensOf(0)).toHaveLength(initialCredit));

test("computes no further ahead of the consumer than its credit", async () => {
  scheduler.generate(0, 0, ask(someTokens(5)));
  await idle();
  const stepsSoFar = steps.length;
  scheduler.credit(0, 2);
  await vi.waitFor(() => expect(tokensOf(0)).toHaveLength(initialCredit + 2));
  expect(steps.length).toBe(stepsSoFar + 2);
  expect(tokensOf(0).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a long prompt goes in chunks beside which another's tokens keep coming", async () => {
  scheduler.generate(0, 0, ask(someTokens(5)));
  await idle();
  scheduler.credit(0, 1000);
  scheduler.generate(1, 1, ask(someTokens(300, 1)));
  await vi.waitFor(() => expect(tokensOf(1).length).toBeGreaterThan(0));
  const prefillSteps = steps.filter((rows) =>
    rows.some(([, length]) => length > 1 && rows.length > 1),
  );
  expect(prefillSteps.length).toBeGreaterThanOrEqual(9);
  for (const rows of prefillSteps) {
    expect(rows.map(([, length]) => length).sort((a, b) => a - b)[0]).toBe(1);
    expect(Math.max(...rows.map(([, length]) => length))).toBeLessThanOrEqual(32);
  }
});

test("a cancelled generation is computed no further than the step it is in", async () => {
  scheduler.generate(0, 0, ask(someTokens(500)));
  listen = () => scheduler.cancel(0);
  await vi.waitFor(() => expect(events.ended).toHaveBeenCalledWith(0));
  await scheduler.close();
  expect(steps).toEqual([[[0, 64]]]);
  expect(events.token).not.toHaveBeenCalled();
});

test("what a cancelled generation computed is there for the next", async () => {
  const prompt = someTokens(500);
  scheduler.generate(0, 0, ask(prompt));
  listen = () => {
    listen = () => {};
    scheduler.generate(1, 0, ask(prompt.with(60, 1)));
  };
  await vi.waitFor(() => expect(events.prefilled).toHaveBeenCalled());
  expect(events.ended).toHaveBeenCalledWith(0);
  expect(events.prefilled).toHaveBeenCalledWith(1, { promptTokens: 500, keptTokens: 60 });
});

test("a generation that replaces one in the midst of a step gets its own prompt's tokens", async () => {
  const [before, after] = [someTokens(90, 1), someTokens(90, 2)];
  scheduler.generate(0, 0, ask(before));
  await Promise.resolve();
  await Promise.resolve();
  scheduler.generate(1, 0, ask(after));
  scheduler.generate(2, 1, ask(after));
  await vi.waitFor(() => expect(tokensOf(2)).toHaveLength(initialCredit));
  await vi.waitFor(() => expect(tokensOf(1)).toHaveLength(initialCredit));
  expect(tokensOf(1)).toEqual(tokensOf(2));
  expect(tokensOf(0)).toEqual([]);
});

test("a step that fails fails the generations in it, and the next ones go on", async () => {
  const broken = vi.spyOn(model, "run").mockRejectedValueOnce(new Error("out of memory"));
  scheduler.generate(0, 0, ask(someTokens(5)));
  await vi.waitFor(() => expect(events.failed).toHaveBeenCalledWith(0, "out of memory"));
  broken.mockRestore();
  scheduler.generate(1, 0, ask(someTokens(5)));
  await vi.waitFor(() => expect(tokensOf(1)).toHaveLength(initialCredit));
});

test("places are handed out in order of arrival, and the line is told", async () => {
  for (let id = 0; id < 5; id++) scheduler.generate(id, id, ask(someTokens(3, id)));
  expect(events.queue).toHaveBeenLastCalledWith([3, 4]);
  scheduler.cancel(1);
  expect(events.queue).toHaveBeenLastCalledWith([4]);
  await vi.waitFor(() => expect(tokensOf(3)).toHaveLength(initialCredit));
  scheduler.forget(4);
  expect(events.queue).toHaveBeenLastCalledWith([]);
});

test("a forgotten sequence starts anew", async () => {
  scheduler.generate(0, 0, ask(someTokens(50)));
  await idle();
  scheduler.forget(0);
  scheduler.generate(1, 1, ask(someTokens(50)));
  await vi.waitFor(() => expect(events.prefilled).toHaveBeenCalledTimes(2));
  expect(events.prefilled).toHaveBeenLastCalledWith(1, { promptTokens: 50, keptTokens: 0 });
});

test("sequences that have been idle longest give their memory back when there are many", async () => {
  for (let id = 0; id < 12; id++) {
    scheduler.generate(id, id, ask(someTokens(4, id), { maxTokens: 1 }));
    await vi.waitFor(() => expect(events.ended).toHaveBeenCalledWith(id));
  }
  scheduler.generate(20, 11, ask(someTokens(4, 11), { maxTokens: 1 }));
  await vi.waitFor(() => expect(events.ended).toHaveBeenCalledWith(20));
  expect(events.prefilled).toHaveBeenLastCalledWith(20, { promptTokens: 4, keptTokens: 3 });
  scheduler.generate(21, 0, ask(someTokens(4, 0), { maxTokens: 1 }));
  await vi.waitFor(() => expect(events.ended).toHaveBeenCalledWith(21));
  expect(events.prefilled).toHaveBeenLastCalledWith(21, { promptTokens: 4, keptTokens: 0 });
});
