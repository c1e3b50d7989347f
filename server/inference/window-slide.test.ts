import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type LanguageModel, loadLanguageModel } from "./language-model.ts";
import { openRuntime } from "./open-runtime.ts";
import { createPretendModel } from "./test-support/pretend-model.ts";
import { ask, openSchedulerDesk, type SchedulerDesk } from "./test-support/scheduler-desk.ts";
import { someTokens, talesCard, talesFolder } from "./test-support/tales.ts";

const patience = { timeout: 60_000, interval: 5 };
const half = talesCard.contextTokens / 2;

/** Tokens that each step in which a generation drew computed in all, but for its very first. */
function stepSizes(desk: SchedulerDesk, generation: number): number[] {
  return desk
    .stepsOf(generation)
    .slice(1)
    .map((step) => (desk.steps[step] ?? []).reduce((sum, { length }) => sum + length, 0));
}

/** Steps from one of its tokens to the next, at most. */
function longestGap(desk: SchedulerDesk, generation: number): number {
  const steps = desk.stepsOf(generation);
  return Math.max(...steps.slice(1).map((step, i) => step - (steps[i] ?? step)));
}

describe("an endless run of the tales model", () => {
  let model: LanguageModel;
  let desks: SchedulerDesk[] = [];
  beforeEach(async () => {
    const { runtime } = await openRuntime();
    model = await loadLanguageModel({ folder: talesFolder, card: talesCard, runtime });
  });
  afterEach(async () => {
    for (const { scheduler } of desks) await scheduler.close();
    desks = [];
    await model.release();
  });

  function openDesk(contexts = 20): SchedulerDesk {
    const memoryBytes = contexts * model.bytesFor(talesCard.contextTokens);
    const desk = openSchedulerDesk({
      model,
      card: talesCard,
      places: 8,
      memoryBytes,
      greedy: true,
    });
    desks.push(desk);
    return desk;
  }

  async function draw(desk: SchedulerDesk, generation: number, count: number) {
    await vi.waitFor(
      () => expect(desk.idsOf(generation).length).toBeGreaterThanOrEqual(count),
      patience,
    );
    desk.scheduler.cancel(generation);
    return desk.tokensOf(generation).slice(0, count);
  }

  test("E22: computes no more than a piece of the next window in any step, and writes on as a fresh prompt of that window would, to the last bit", async () => {
    const desk = openDesk();
    const prompt = someTokens(60, 4);
    desk.scheduler.generate(0, 0, ask(prompt));
    const tokens = await draw(desk, 0, 1100);
    expect(Math.max(...stepSizes(desk, 0))).toBeLessThanOrEqual(10);
    expect(longestGap(desk, 0)).toBe(1);

    const all = [...prompt, ...tokens.map(({ id }) => id)];
    const firsts = tokens.filter(
      ({ droppedTokens }, i) => droppedTokens !== (tokens[i - 1]?.droppedTokens ?? 0),
    );
    expect(firsts.length).toBeGreaterThanOrEqual(2);
    for (const first of firsts) {
      expect(first.contextTokens).toBe(half);
      const from = first.droppedTokens;
      const fresh = openDesk();
      const request = ask(all.slice(from, from + half), {}, { firstIndex: first.index });
      fresh.scheduler.generate(0, 0, request);
      const expected = tokens.slice(first.index, first.index + 20);
      const drawn = await draw(fresh, 0, expected.length);
      expect(drawn.map(({ id, logprob }) => [id, logprob])).toEqual(
        expected.map(({ id, logprob }) => [id, logprob]),
      );
    }
  }, 90_000);

  test("E22: what it writes does not depend on what went on beside it, nor on memory for a second window", async () => {
    const prompt = someTokens(300, 7);
    const alone = openDesk();
    alone.scheduler.generate(0, 0, ask(prompt));
    const expected = await draw(alone, 0, 260);

    const beside = openDesk();
    beside.scheduler.generate(0, 0, ask(prompt));
    for (let id = 1; id < 5; id++) beside.scheduler.generate(id, id, ask(someTokens(90 * id, id)));
    const tight = openDesk(1);
    tight.scheduler.generate(0, 0, ask(prompt));
    for (const desk of [beside, tight]) expect(await draw(desk, 0, 260)).toEqual(expected);
  }, 90_000);
});

describe("runs of a model of 1,024 tokens", () => {
  const card = { contextTokens: 1024, endOfTextId: 31, vocabularySize: 32 };
  let desk: SchedulerDesk;
  afterEach(() => desk.scheduler.close());

  function openDesk(): SchedulerDesk {
    const model = createPretendModel({
      contextTokens: card.contextTokens,
      vocabularySize: card.vocabularySize,
      maxRows: 16,
    });
    const memoryBytes = 64 * model.bytesFor(card.contextTokens);
    return openSchedulerDesk({ model, card, places: 32, memoryBytes, greedy: true });
  }
  const endless = { noRepeatNgramSize: 0 };

  test("E22: one alone begins 80 to 100 tokens before its window is full, and takes 8 at a time", async () => {
    desk = openDesk();
    desk.scheduler.generate(0, 0, ask([1, 2, 3], endless));
    await vi.waitFor(() => expect(desk.idsOf(0).length).toBeGreaterThan(3000), patience);
    const [main] = desk.steps[10]?.[0] ? [desk.steps[10][0].cache] : [];
    const begun = desk.steps.findIndex((rows) => rows.some(({ cache }) => cache !== main));
    const past = Math.max(...(desk.steps[begun] ?? []).map((row) => row.past));
    expect(1024 - past).toBeGreaterThanOrEqual(80);
    expect(1024 - past).toBeLessThanOrEqual(100);
    expect(Math.max(...stepSizes(desk, 0))).toBeLessThanOrEqual(10);
    expect(longestGap(desk, 0)).toBe(1);
  }, 60_000);

  test("E22: one that begins beside another, and so later, is done in time when it is left alone", async () => {
    desk = openDesk();
    desk.scheduler.generate(0, 0, ask([1, 2, 3], endless));
    desk.betweenSteps = () => {
      const written = desk.idsOf(0).length;
      if (written === 500) desk.scheduler.generate(1, 1, ask([4, 5], endless));
      if (written === 1024 - 3 - 42) desk.scheduler.cancel(1);
    };
    await vi.waitFor(() => expect(desk.idsOf(0).length).toBeGreaterThan(1100), patience);
    expect(desk.idsOf(1).length).toBeGreaterThan(400);
    expect(longestGap(desk, 0)).toBe(1);
    expect(Math.max(...stepSizes(desk, 0))).toBeLessThanOrEqual(18);
  }, 60_000);

  test("E22: of sixteen that come to their windows' ends in the same step none is left out of two in a row", async () => {
    desk = openDesk();
    for (let id = 0; id < 16; id++) desk.scheduler.generate(id, id, ask([id, 1, 2], endless));
    await vi.waitFor(() => expect(desk.idsOf(15).length).toBeGreaterThan(1400), patience);
    for (let id = 0; id < 16; id++) {
      // A row of the sixteen goes to the piece, so now and then somebody is left out.
      expect(longestGap(desk, id)).toBeLessThanOrEqual(2);
      // A few tokens each of what was left of the windows that have just slid, which is still less
      // than a chunk of a prompt that is computed alone.
      expect(Math.max(...stepSizes(desk, id))).toBeLessThanOrEqual(128);
    }
  }, 60_000);
});
