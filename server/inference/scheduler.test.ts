import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type LanguageModel, loadLanguageModel } from "./language-model.ts";
import { openRuntime } from "./open-runtime.ts";
import { initialCredit } from "./protocol.ts";
import { longestLine } from "./scheduler.ts";
import { ask, openSchedulerDesk, type SchedulerDesk, wrap } from "./test-support/scheduler-desk.ts";
import { someTokens, talesCard, talesFolder } from "./test-support/tales.ts";

const patience = { timeout: 10_000, interval: 5 };
let model: LanguageModel;
let desk: SchedulerDesk;

beforeEach(async () => {
  const { runtime } = await openRuntime();
  model = await loadLanguageModel({ folder: talesFolder, card: talesCard, runtime });
  desk = openDesk();
});
afterEach(async () => {
  await desk.scheduler.close();
  await model.release();
});

function openDesk(options: Partial<Parameters<typeof openSchedulerDesk>[0]> = {}): SchedulerDesk {
  const memoryBytes = 100 * model.bytesFor(talesCard.contextTokens);
  return openSchedulerDesk({ model, card: talesCard, places: 3, memoryBytes, ...options });
}

/** Waits until a generation has as many tokens as its consumer has let it draw. */
const drawn = (generation: number, count = initialCredit) =>
  vi.waitFor(() => expect(desk.idsOf(generation)).toHaveLength(count), patience);
const ended = (generation: number) =>
  vi.waitFor(() => expect(desk.endings.get(generation)).toEqual({ how: "ended" }), patience);
const oneToken = { maxTokens: 1 };

test("computes no further ahead of the consumer than its credit", async () => {
  desk.scheduler.generate(0, 0, ask(someTokens(5)));
  await drawn(0);
  const stepsSoFar = desk.steps.length;
  desk.scheduler.credit(0, 2);
  await drawn(0, initialCredit + 2);
  expect(desk.steps.length).toBe(stepsSoFar + 2);
  expect(desk.tokensOf(0).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
});

test("E18: long prompts, however many, take no more than one chunk of a step in which another draws", async () => {
  desk.scheduler.generate(0, 0, ask(someTokens(5)));
  await drawn(0);
  desk.scheduler.credit(0, 1000);
  desk.scheduler.generate(1, 1, ask(someTokens(300, 1)));
  desk.scheduler.generate(2, 2, ask(someTokens(300, 2)));
  await vi.waitFor(() => expect(desk.idsOf(2).length).toBeGreaterThan(0), patience);
  const last = desk.stepsOf(2)[0] ?? 0;
  const from = desk.stepsOf(0)[initialCredit] ?? 0;
  const steps = desk.steps.slice(from, last + 1);
  expect(steps.length).toBeGreaterThanOrEqual(600 / 32);
  // The one that draws has a token in each of these steps.
  expect(desk.stepsOf(0).filter((step) => step >= from && step <= last)).toHaveLength(steps.length);
  for (const rows of steps) {
    const chunks = rows.filter(({ length }) => length > 2);
    expect(chunks.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(32);
  }
});

test("E18: pieces of a prompt are large only as long as nobody else is there, drawing or not", async () => {
  desk.scheduler.generate(0, 0, ask(someTokens(500)));
  desk.betweenSteps = () => {
    desk.betweenSteps = () => {};
    desk.scheduler.generate(1, 1, ask(someTokens(400, 1)));
  };
  await drawn(0);
  await drawn(1);
  expect(desk.steps[0]?.map(({ length }) => length)).toEqual([256]);
  const others = desk.steps
    .slice(1)
    .map((rows) => rows.reduce((sum, { length }) => sum + length, 0));
  expect(Math.max(...others)).toBeLessThanOrEqual(128 + 2);

  const resting = desk.steps.length;
  desk.scheduler.generate(2, 2, ask(someTokens(500, 2)));
  await drawn(2);
  expect(desk.steps[resting]?.map(({ length }) => length)).toEqual([128]);
});

test("a cancelled generation is computed no further than the step it is in", async () => {
  desk.scheduler.generate(0, 0, ask(someTokens(500)));
  desk.betweenSteps = () => desk.scheduler.cancel(0);
  await ended(0);
  await desk.scheduler.close();
  expect(desk.steps.map((rows) => rows.map(({ length }) => length))).toEqual([[256]]);
  expect(desk.idsOf(0)).toEqual([]);
});

test("what a cancelled generation computed is there for the next", async () => {
  const prompt = someTokens(500);
  desk.scheduler.generate(0, 0, ask(prompt));
  desk.betweenSteps = () => {
    desk.betweenSteps = () => {};
    desk.scheduler.generate(1, 0, ask(prompt.with(60, 1)));
  };
  await vi.waitFor(() => expect(desk.prefills.size).toBe(1), patience);
  expect(desk.endings.get(0)).toEqual({ how: "ended" });
  expect(desk.prefills.get(1)).toEqual({ promptTokens: 500, keptTokens: 60 });
});

test("a generation that replaces one in the midst of a step gets its own prompt's tokens", async () => {
  const [before, after] = [someTokens(90, 1), someTokens(90, 2)];
  desk.scheduler.generate(0, 0, ask(before));
  await Promise.resolve();
  await Promise.resolve();
  desk.scheduler.generate(1, 0, ask(after));
  desk.scheduler.generate(2, 1, ask(after));
  await drawn(2);
  await drawn(1);
  expect(desk.tokensOf(1)).toEqual(desk.tokensOf(2));
  expect(desk.idsOf(0)).toEqual([]);
});

test("a step that fails fails the generations in it, and the next ones go on", async () => {
  const broken = vi.spyOn(model, "run").mockRejectedValueOnce(new Error("out of memory"));
  desk.scheduler.generate(0, 0, ask(someTokens(5)));
  await vi.waitFor(() =>
    expect(desk.endings.get(0)).toEqual({ how: "failed", message: "out of memory" }),
  );
  broken.mockRestore();
  desk.scheduler.generate(1, 0, ask(someTokens(5)));
  await drawn(1);
});

test("E21: places are handed out in order of arrival, and the line is told", async () => {
  for (let id = 0; id < 5; id++) desk.scheduler.generate(id, id, ask(someTokens(3, id)));
  await vi.waitFor(() => expect(desk.queues.at(-1)).toEqual([3, 4]), patience);
  desk.scheduler.cancel(1);
  await vi.waitFor(() => expect(desk.queues.at(-1)).toEqual([4]), patience);
  await drawn(3);
  desk.scheduler.forget(4);
  await vi.waitFor(() => expect(desk.queues.at(-1)).toEqual([]), patience);
});

test("E21: a line that is full refuses with a sentence, and nobody in it is forgotten", async () => {
  for (let id = 0; id < 3; id++) desk.scheduler.generate(id, id, ask(someTokens(3, id)));
  await drawn(2);
  const last = 3 + longestLine;
  for (let id = 3; id <= last; id++) desk.scheduler.generate(id, id, ask([id], oneToken));
  expect(desk.endings.get(last)).toEqual({
    how: "refused",
    message: "Too many texts wait for the model already. Try again in a while.",
  });
  for (let id = 0; id < 3; id++) desk.scheduler.cancel(id);
  for (let id = 3; id < last; id++) await ended(id);
});

test("E21: whose consumer takes nothing gives its place to one who waits, and goes on when it takes", async () => {
  await desk.scheduler.close();
  desk = openDesk({ places: 1, restAfterMs: 20 });
  desk.scheduler.generate(0, 0, ask(someTokens(40)));
  await drawn(0);
  desk.scheduler.generate(1, 1, ask(someTokens(3, 1), oneToken));
  await ended(1);
  desk.scheduler.credit(0, 2);
  await drawn(0, initialCredit + 2);
  const reference = openDesk({ greedy: true });
  reference.scheduler.generate(0, 0, ask(someTokens(40), { maxTokens: 6, minTokens: 6 }));
  await vi.waitFor(() => expect(reference.endings.has(0)).toBe(true), patience);
  expect(desk.idsOf(0)).toEqual(reference.idsOf(0));
  await reference.scheduler.close();
});

test("E18: of more that draw than a step has rows each gets its turn", async () => {
  await desk.scheduler.close();
  desk = openDesk({ places: 12, greedy: true, model: wrap(model, { maxRows: 4 }) });
  for (let id = 0; id < 12; id++) desk.scheduler.generate(id, id, ask(someTokens(3, id)));
  await vi.waitFor(() => expect(desk.idsOf(11).length).toBeGreaterThanOrEqual(20), patience);
  const counts = Array.from({ length: 12 }, (_, id) => desk.idsOf(id).length);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
});
