import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type LanguageModel, loadLanguageModel } from "./language-model.ts";
import { openRuntime } from "./open-runtime.ts";
import { ask, openSchedulerDesk, type SchedulerDesk } from "./test-support/scheduler-desk.ts";
import { someTokens, talesCard, talesFolder } from "./test-support/tales.ts";

const patience = { timeout: 15_000, interval: 5 };
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

function openDesk(contexts = 100): SchedulerDesk {
  const memoryBytes = contexts * model.bytesFor(talesCard.contextTokens);
  return openSchedulerDesk({ model, card: talesCard, places: 32, memoryBytes, greedy: true });
}

const limits = { maxTokens: 12, minTokens: 12 };
const ended = (...generations: number[]) =>
  vi.waitFor(() => expect(generations.filter((id) => !desk.endings.has(id))).toEqual([]), patience);
const prompt = someTokens(300);

/** What a prompt draws where nothing was computed before. */
async function alone(tokens: readonly number[], seed: number) {
  const other = openDesk();
  other.scheduler.generate(0, 0, ask(tokens, { ...limits, seed }));
  await vi.waitFor(() => expect(other.endings.has(0)).toBe(true), patience);
  await other.scheduler.close();
  return other.tokensOf(0);
}

describe("keys and values of prompts that begin alike", () => {
  test("E19 E24: of five candidates that arrive together one computes the prompt, and each draws what it would alone, to the last bit", async () => {
    for (let id = 0; id < 5; id++)
      desk.scheduler.generate(id, id, ask(prompt, { ...limits, seed: id }));
    await ended(0, 1, 2, 3, 4);
    // The prompt once, its last two tokens for each of the others, and what they drew but the last.
    expect(desk.computedTokens()).toBe(300 + 4 * 2 + 5 * 11);
    expect(desk.prefills.get(0)).toEqual({ promptTokens: 300, keptTokens: 0 });
    for (let id = 1; id < 5; id++)
      expect(desk.prefills.get(id)).toEqual({ promptTokens: 300, keptTokens: 298 });
    for (let id = 0; id < 5; id++) expect(desk.tokensOf(id)).toEqual(await alone(prompt, id));
  });

  test("E19: a text that goes on otherwise waits for what is shared and computes the rest itself", async () => {
    const other = [...prompt.slice(0, 200), ...someTokens(60, 3)];
    desk.scheduler.generate(0, 0, ask(prompt, limits));
    desk.scheduler.generate(1, 1, ask(other, limits));
    await ended(0, 1);
    expect(desk.prefills.get(1)?.keptTokens).toBeGreaterThanOrEqual(200);
    expect(desk.computedTokens()).toBe(300 + 60 + 2 * 11);
    expect(desk.tokensOf(1)).toEqual(await alone(other, 1));
  });

  test("E19: who waits for a prompt that is cancelled goes on with it", async () => {
    desk.scheduler.generate(0, 0, ask(prompt, limits));
    desk.scheduler.generate(1, 1, ask(prompt, limits));
    desk.scheduler.generate(2, 2, ask(prompt, limits));
    desk.betweenSteps = () => {
      desk.betweenSteps = () => {};
      desk.scheduler.cancel(0);
    };
    await ended(0, 1, 2);
    expect(desk.prefills.get(1)).toEqual({ promptTokens: 300, keptTokens: 128 });
    expect(desk.computedTokens()).toBe(300 + 2 + 2 * 11);
    expect(desk.tokensOf(2)).toEqual(await alone(prompt, 1));
  });

  test("E19: what a closed sequence computed serves the next one with the same beginning", async () => {
    desk.scheduler.generate(0, 0, ask(prompt, limits));
    await ended(0);
    desk.scheduler.forget(0);
    desk.scheduler.generate(1, 1, ask(prompt, { ...limits, seed: 4 }));
    await ended(1);
    expect(desk.prefills.get(1)).toEqual({ promptTokens: 300, keptTokens: 298 });
    expect(desk.tokensOf(1)).toEqual(await alone(prompt, 4));
  });

  test("E19: a text that shares little of another's memory leaves the rest of it alone", async () => {
    desk.scheduler.generate(0, 0, ask(prompt, limits));
    await ended(0);
    desk.scheduler.generate(1, 1, ask([...prompt.slice(0, 40), ...someTokens(50, 5)], limits));
    await ended(1);
    expect(desk.prefills.get(1)?.keptTokens).toBe(40);
    desk.scheduler.generate(2, 0, ask(prompt, limits));
    await ended(2);
    expect(desk.prefills.get(2)?.keptTokens).toBe(298);
  });

  test.each([1, 7])(
    "E24: a run that is gone on with after %i tokens draws the same bits",
    async (count) => {
      const written = (await alone(prompt, 1)).slice(0, count).map(({ id }) => id);
      desk.scheduler.generate(0, 0, ask(prompt, { seed: 1 }));
      await vi.waitFor(() => expect(desk.idsOf(0).length).toBeGreaterThan(count), patience);
      desk.scheduler.cancel(0);
      const request = ask([...prompt, ...written], limits, { firstIndex: count });
      desk.scheduler.generate(1, 0, request);
      await ended(1);
      expect(desk.prefills.get(1)?.keptTokens).toBe(300 + count - 1);
      const exact = ({ id, logprob }: { id: number; logprob: number }) => [id, logprob];
      expect(desk.tokensOf(1).map(exact)).toEqual((await alone(prompt, 1)).slice(count).map(exact));
    },
  );

  test("E24: a prompt gives the same bits in whatever pieces and beside whomever it is computed", async () => {
    desk.scheduler.generate(0, 0, ask(someTokens(5, 9), { maxTokens: 80, minTokens: 80 }));
    await vi.waitFor(() => expect(desk.idsOf(0).length).toBeGreaterThan(0), patience);
    // 97 tokens are 97 alone, and three pieces of 32 and one token more beside another.
    const odd = someTokens(97, 6);
    desk.scheduler.generate(1, 1, ask(odd, limits));
    await ended(0, 1);
    const pieces = desk.steps
      .flat()
      .filter(({ length }) => length > 1)
      .map(({ length }) => length);
    expect(pieces).toEqual([5, 32, 32, 31, 2]);
    expect(desk.tokensOf(1)).toEqual(await alone(odd, 1));
  });
});

describe("memory for keys and values", () => {
  test("E20: what was used longest ago goes first where the budget is used up", async () => {
    await desk.scheduler.close();
    desk = openDesk(3);
    const prompts = [0, 1, 2, 3].map((salt) => someTokens(400, salt));
    const run = async (id: number, salt: number) => {
      desk.scheduler.generate(id, id, ask(prompts[salt] ?? [], { maxTokens: 1 }));
      await ended(id);
      return desk.prefills.get(id)?.keptTokens;
    };
    expect([await run(0, 0), await run(1, 1), await run(2, 2)]).toEqual([0, 0, 0]);
    expect(await run(3, 0)).toBe(398);
    expect(await run(4, 3)).toBe(0);
    expect(await run(5, 0)).toBe(398);
    expect(await run(6, 1)).toBe(0);
  });

  test("E20: a newcomer waits in line while those at work need the memory, and comes in when one leaves", async () => {
    await desk.scheduler.close();
    desk = openDesk(2);
    for (let id = 0; id < 3; id++) desk.scheduler.generate(id, id, ask(someTokens(50, id)));
    await vi.waitFor(() => expect(desk.idsOf(1).length).toBeGreaterThan(20), patience);
    expect(desk.queues.at(-1)).toEqual([2]);
    expect(desk.idsOf(2)).toEqual([]);
    desk.scheduler.cancel(0);
    await vi.waitFor(() => expect(desk.idsOf(2).length).toBeGreaterThan(5), patience);
    expect(desk.queues.at(-1)).toEqual([]);
  });

  test("E20: what can never fit is refused with a sentence before it begins", async () => {
    await desk.scheduler.close();
    desk = openDesk(0.5);
    desk.scheduler.generate(0, 0, ask(someTokens(5)));
    expect(desk.endings.get(0)).toEqual({
      how: "refused",
      message:
        "This needs 5 MB for the model's keys and values, and there are 3 MB in all (ENGINE_MEMORY_MB). Ask for fewer tokens or beams.",
    });
    desk.scheduler.generate(1, 0, ask(someTokens(5), { maxTokens: 100 }));
    await ended(1);
    expect(desk.endings.get(1)).toEqual({ how: "ended" });
  });
});
