import { afterEach, expect, test, vi } from "vitest";
import { Random } from "../../tests/support/random.ts";
import type { WorkerRequest } from "./protocol.ts";
import { createPretendModel, type PretendModel } from "./test-support/pretend-model.ts";
import { ask, openSchedulerDesk, type SchedulerDesk } from "./test-support/scheduler-desk.ts";

const contextTokens = 128;
const vocabularySize = 32;
const endOfTextId = vocabularySize - 1;
const card = { contextTokens, endOfTextId, vocabularySize };
const rounds = 400;
/** The long way tries more; ten thousands would take days. */
const seeds = process.env.FUZZ_SEEDS === undefined ? 4 : 100;

let desks: SchedulerDesk[] = [];
afterEach(async () => {
  for (const { scheduler } of desks) await scheduler.close();
  desks = [];
});

function open(model: PretendModel, options: Partial<Parameters<typeof openSchedulerDesk>[0]>) {
  const memoryBytes = model.bytesFor(contextTokens) * 1000;
  const desk = openSchedulerDesk({ model, card, places: 32, memoryBytes, ...options });
  desks.push(desk);
  return desk;
}

interface Asked {
  request: WorkerRequest;
  /** Its consumer takes a token in so many of the steps. */
  pace: number;
  cancelled: boolean;
  taken: number;
}

/** Prompts of a few families, so that many begin alike. */
function randomPrompt(random: Random): number[] {
  const family = random.below(4);
  const length = 1 + random.below(contextTokens - 1);
  const own = random.below(length);
  return Array.from({ length }, (_, i) =>
    i < own ? (i * 7 + family) % endOfTextId : random.below(endOfTextId),
  );
}

function randomRequest(random: Random): WorkerRequest {
  const firstIndex = random.below(3);
  const maxTokens = firstIndex + 1 + random.below(90);
  const common = { seed: random.below(1000), noRepeatNgramSize: 0 };
  if (random.chance(0.15)) {
    const beams = { strategy: "beams", beams: 2 + random.below(4), maxTokens } as const;
    return ask(randomPrompt(random), { ...common, ...beams }, { firstIndex });
  }
  const ends = random.chance(0.7) ? { maxTokens } : { maxTokens: null };
  return ask(randomPrompt(random), { ...common, ...ends }, { firstIndex });
}

/** What a request draws where nobody else is. */
async function alone(request: WorkerRequest, tokens: number): Promise<number[]> {
  const model = createPretendModel({ contextTokens, vocabularySize, maxRows: 16 });
  const desk = open(model, { greedy: true });
  desk.scheduler.generate(0, 0, request);
  await vi.waitFor(() => expect(desk.endings.has(0) || desk.idsOf(0).length >= tokens).toBe(true));
  desk.scheduler.cancel(0);
  return desk.idsOf(0).slice(0, tokens);
}

test.each(Array.from({ length: seeds }, (_, i) => i + 1))(
  "E3 E20 E21: whoever comes, goes and dawdles, each gets what it would get alone, within the memory there is (seed %i)",
  async (seed) => {
    const random = new Random(seed);
    const model = createPretendModel({
      contextTokens,
      vocabularySize,
      maxRows: random.pick([2, 4, 16]),
    });
    const full = model.bytesFor(contextTokens);
    const memoryBytes = Math.floor(full * (6 + random.below(8)));
    const places = 1 + random.below(10);
    const desk = open(model, { places, memoryBytes, restAfterMs: 1 });
    const asked = new Map<number, Asked>();
    const current = new Map<number, number>();

    const arrive = () => {
      const id = asked.size;
      const sequence = random.below(12);
      const before = asked.get(current.get(sequence) ?? -1);
      if (before !== undefined) before.cancelled = true;
      current.set(sequence, id);
      const request = randomRequest(random);
      const pace = random.pick([1, 1, 0.3, 0.05]);
      asked.set(id, { request, pace, cancelled: false, taken: 0 });
      desk.scheduler.generate(id, sequence, request);
    };
    const leave = () => {
      const [sequence, id] = random.pick([...current]);
      const one = asked.get(id);
      if (one === undefined) return;
      one.cancelled = true;
      if (random.chance(0.3)) desk.scheduler.forget(sequence);
      else desk.scheduler.cancel(id);
    };
    const take = (always: boolean) => {
      for (const [id, one] of asked) {
        if (!always && !random.chance(one.pace)) continue;
        const count = desk.tokensOf(id).length - one.taken;
        if (count === 0) continue;
        one.taken += count;
        desk.scheduler.credit(id, count);
      }
    };

    for (let round = 0; round < rounds; round++) {
      if (random.chance(0.12)) arrive();
      if (asked.size > 0 && random.chance(0.04)) leave();
      take(false);
      await new Promise((resolve) => setImmediate(resolve));
      expect(model.bytes()).toBeLessThanOrEqual(memoryBytes);
    }
    // Those without an end leave once they have had some; all others come to theirs.
    const isEndless = ({ request }: Asked) => request.sampling.maxTokens === null;
    await vi.waitFor(
      async () => {
        take(true);
        for (const [id, one] of asked) {
          if (!isEndless(one) || desk.idsOf(id).length < 20 || one.cancelled) continue;
          one.cancelled = true;
          desk.scheduler.cancel(id);
        }
        expect(model.bytes()).toBeLessThanOrEqual(memoryBytes);
        expect([...asked.keys()].filter((id) => !desk.endings.has(id))).toEqual([]);
      },
      { timeout: 15_000, interval: 1 },
    );
    for (const [id, one] of asked) {
      const ids = desk.idsOf(id);
      expect(desk.endings.get(id)).toEqual({ how: "ended" });
      const expected = await alone(one.request, one.cancelled ? ids.length : Infinity);
      expect(ids, `generation ${id}`).toEqual(expected);
    }
  },
  60_000,
);

test("E21: under a stream of newcomers each is served after those who came before", async () => {
  const random = new Random(7);
  const model = createPretendModel({ contextTokens, vocabularySize, maxRows: 4 });
  const memoryBytes = model.bytesFor(contextTokens) * 5;
  const desk = open(model, { places: 4, memoryBytes, greedy: true });
  const firstWaiting: number[] = [];
  let arrived = 0;
  desk.betweenSteps = () => {
    for (let i = 0; i < 2 && arrived < 300 && random.chance(0.5); i++) {
      const prompt = Array.from({ length: 1 + random.below(60) }, () => random.below(endOfTextId));
      const limits = { maxTokens: 4, minTokens: 4, noRepeatNgramSize: 0 };
      desk.scheduler.generate(arrived, arrived, ask(prompt, limits));
      arrived++;
    }
    const [first] = desk.queues.at(-1) ?? [];
    if (first !== undefined) firstWaiting.push(first);
  };
  desk.scheduler.generate(1000, 1000, ask([1, 2, 3], { noRepeatNgramSize: 0 }));
  await vi.waitFor(() => expect(desk.endings.size).toBe(300), { timeout: 15_000, interval: 5 });
  // The head of the line only ever moves on to those who came later.
  expect(firstWaiting).toEqual(firstWaiting.toSorted((a, b) => a - b));
  expect(new Set(firstWaiting).size).toBeGreaterThan(100);
  // And an endless run in their midst had a token in nearly every step.
  expect(desk.idsOf(1000).length).toBeGreaterThan(0.9 * desk.steps.length);
});
