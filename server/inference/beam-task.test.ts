import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { importModel } from "../model-library/import-model.ts";
import { tinySource, writeSource } from "../model-library/test-support/model-source.ts";
import { createBeamSearch } from "./beam-search.ts";
import { type LanguageModel, loadLanguageModel } from "./language-model.ts";
import { logSumExp } from "./logits-processors.ts";
import type { ModelCard } from "./model-card.ts";
import { openRuntime } from "./open-runtime.ts";
import type { WorkerRequest } from "./protocol.ts";
import { scoreBeam } from "./sampler.ts";
import { ask, openSchedulerDesk, type SchedulerDesk, wrap } from "./test-support/scheduler-desk.ts";
import { TokenHistory } from "./token-history.ts";

let folder: string;
let card: ModelCard;
let model: LanguageModel;
let desk: SchedulerDesk;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "beams-"));
  const source = await writeSource(join(folder, "source"), tinySource());
  card = await importModel({
    source,
    modelsDir: join(folder, "models"),
    id: "tiny",
    precision: "fp32",
  });
  const { runtime } = await openRuntime();
  model = await loadLanguageModel({ folder: join(folder, "models/tiny"), card, runtime });
});
afterEach(() => desk.scheduler.close());
afterAll(async () => {
  await model.release();
  await rm(folder, { recursive: true });
});

function openDesk(contexts = 20, maxRows = model.maxRows): SchedulerDesk {
  const memoryBytes = contexts * model.bytesFor(card.contextTokens);
  const options = { card, places: 8, memoryBytes, greedy: true };
  desk = openSchedulerDesk({ ...options, model: wrap(model, { maxRows }) });
  return desk;
}

const beams = (sampling: Partial<Sampling>): Partial<Sampling> => ({
  strategy: "beams",
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  ...sampling,
});

async function search(request: WorkerRequest, generation = 0) {
  desk.scheduler.generate(generation, generation, request);
  await vi.waitFor(() => expect(desk.endings.has(generation)).toBe(true), { timeout: 10_000 });
  expect(desk.endings.get(generation)).toEqual({ how: "ended" });
  return desk.tokensOf(generation);
}

/** The logits after a text, with nothing remembered. */
async function logitsAfter(tokens: readonly number[]): Promise<Float32Array> {
  const cache = model.createCache();
  const [logits] = await model.run([{ cache, past: 0, tokens, outputs: 1 }]);
  const copied = logits?.[0]?.slice() ?? new Float32Array();
  cache.release();
  return copied;
}

function logprobOf(logits: Float32Array, id: number): number {
  return (logits[id] ?? -Infinity) - logSumExp(logits);
}

/** The same search where each text is computed anew in each step. */
async function searchAnew({ prompt, sampling, firstIndex }: WorkerRequest): Promise<number[]> {
  const { maxTokens } = sampling;
  const left = (maxTokens ?? 0) - firstIndex;
  const { endOfTextId } = card;
  const found = createBeamSearch({ ...sampling, maxTokens: left, endOfTextId });
  while (!found.done) {
    const scores: Float32Array[] = [];
    for (const { tokens } of found.live) {
      const text = [...prompt, ...tokens.map(({ id }) => id)];
      const history = new TokenHistory(sampling.noRepeatNgramSize, text);
      const index = firstIndex + tokens.length;
      const logits = await logitsAfter(text);
      scores.push(scoreBeam({ logits, history, sampling, index, endOfTextId }));
    }
    found.advance(scores);
  }
  return found.best().map(({ id }) => id);
}

describe("a beam search beside other generations", () => {
  const prompt = [3, 1, 4, 1, 5];

  test("E23: with two words to choose from it finds the likeliest of all texts", async () => {
    openDesk();
    const words = [7, 8];
    const banned = Array.from({ length: card.vocabularySize }, (_, id) => id);
    const bannedSequences = banned.filter((id) => !words.includes(id)).map((id) => [id]);
    const request = ask(prompt, beams({ beams: 8, maxTokens: 4 }), { bannedSequences });
    const texts = words.flatMap((a) =>
      words.flatMap((b) => words.flatMap((c) => words.map((d) => [a, b, c, d]))),
    );
    const scored: { text: number[]; score: number }[] = [];
    for (const text of texts) {
      let score = 0;
      for (const [i, id] of text.entries())
        score += logprobOf(await logitsAfter([...prompt, ...text.slice(0, i)]), id);
      scored.push({ text, score });
    }
    const best = scored.toSorted((a, b) => b.score - a.score)[0];
    expect((await search(request)).map(({ id }) => id)).toEqual(best?.text);
  });

  test.each([
    ["five beams", beams({ beams: 5, maxTokens: 12 }), 16],
    ["repeats forbidden", beams({ beams: 5, maxTokens: 14, noRepeatNgramSize: 2 }), 16],
    ["penalties", beams({ beams: 3, maxTokens: 10, repetitionPenalty: 1.3 }), 16],
    [
      "until none can be better",
      beams({ beams: 4, maxTokens: 12, earlyStopping: false, lengthPenalty: 2 }),
      16,
    ],
    ["a step with fewer rows than beams", beams({ beams: 5, maxTokens: 12 }), 2],
  ] as const)(
    "E23: finds what a search finds that computes each text anew: %s",
    async (_, sampling, maxRows) => {
      openDesk(20, Math.min(maxRows, model.maxRows));
      const request = ask(prompt, sampling, { firstIndex: 1 });
      const tokens = await search(request);
      expect(tokens.map(({ id }) => id)).toEqual(await searchAnew(request));
      expect(tokens.map(({ index }) => index)).toEqual(tokens.map((__, i) => i + 1));
      expect(tokens.map((token) => token.contextTokens)).toEqual(tokens.map((__, i) => 5 + i));
      expect(desk.prefills.get(0)).toEqual({ promptTokens: 5, keptTokens: 0 });
      // The prompt once, then a token of each beam.
      expect(desk.computedTokens()).toBeLessThanOrEqual(5 + 5 * 12);
    },
  );

  test("E3 E23: neither it nor its neighbour changes what the other gets", async () => {
    openDesk();
    const request = ask(prompt, beams({ beams: 5, maxTokens: 10 }));
    const neighbour = ask([9, 2], { noRepeatNgramSize: 0, maxTokens: 18, minTokens: 18 });
    const alone = [await search(request, 0), await search(neighbour, 1)];
    const together = await Promise.all([search(request, 2), search(neighbour, 3)]);
    expect(together).toEqual(alone);
  });

  test("E20 E23: it has the memory of all its beams reserved, or does not begin", async () => {
    openDesk(3);
    desk.scheduler.generate(0, 0, ask(prompt, beams({ beams: 4, maxTokens: 12 })));
    expect(desk.endings.get(0)?.how).toBe("refused");
    expect(await search(ask(prompt, beams({ beams: 3, maxTokens: 12 })), 1)).not.toEqual([]);
  });

  test("a prompt too long for what is to come loses its beginning", async () => {
    openDesk();
    const long = Array.from({ length: 23 }, (_, i) => i);
    const tokens = await search(ask(long, beams({ beams: 2, maxTokens: 8, minTokens: 8 })));
    expect(tokens).toHaveLength(8);
    expect(tokens[0]).toMatchObject({ contextTokens: 17, droppedTokens: 6 });
    expect(tokens[7]).toMatchObject({ contextTokens: 24, droppedTokens: 6 });
  });

  test("E23: a text goes on from half a window of its prompt at least, however long it may become", async () => {
    openDesk();
    const long = Array.from({ length: 23 }, (_, i) => i);
    const tokens = await search(ask(long, beams({ beams: 2, maxTokens: 24, minTokens: 24 })));
    expect(tokens[0]).toMatchObject({ contextTokens: 12, droppedTokens: 11 });
    expect(tokens).toHaveLength(13);
    const short = await search(
      ask([1, 2, 3], beams({ beams: 2, maxTokens: 30, minTokens: 30 })),
      1,
    );
    expect(short[0]).toMatchObject({ contextTokens: 3, droppedTokens: 0 });
    expect(short).toHaveLength(22);
  });

  test("E35: where everything is banned it says so, instead of ending with nothing", async () => {
    openDesk();
    const bannedSequences = Array.from({ length: card.vocabularySize }, (_, id) => [id]);
    desk.scheduler.generate(
      0,
      0,
      ask(prompt, beams({ beams: 3, maxTokens: 4 }), { bannedSequences }),
    );
    await vi.waitFor(() => expect(desk.endings.get(0)).toEqual({ how: "barred" }));
    const request = ask(prompt, beams({ beams: 3, maxTokens: 4 }));
    expect(await search(request, 1)).not.toEqual([]);
  });

  test("one that is cancelled leaves its prompt for the next", async () => {
    openDesk();
    desk.scheduler.generate(0, 0, ask(prompt, beams({ beams: 5, maxTokens: 18 })));
    desk.betweenSteps = () => {
      if (desk.steps.length === 4) desk.scheduler.cancel(0);
    };
    await vi.waitFor(() => expect(desk.endings.has(0)).toBe(true));
    expect(desk.tokensOf(0)).toEqual([]);
    await search(ask(prompt, { ...defaultSampling, maxTokens: 1 }), 1);
    expect(desk.prefills.get(1)).toEqual({ promptTokens: 5, keptTokens: 3 });
  });
});
