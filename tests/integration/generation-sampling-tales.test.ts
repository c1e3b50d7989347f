import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { SamplingInput } from "#shared/sampling.ts";
import { samplingPresets } from "#shared/sampling.ts";
import type { LoadedModel } from "../../server/inference/engine.ts";
import { createModelLibrary, type ModelLibrary } from "../../server/model-library/model-library.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk } from "../support/run-desk.ts";

const waiting = { timeout: 40_000, interval: 10 } as const;
const modelsDir = new URL("../../models", import.meta.url).pathname;
const opening = "Once upon a time there lived an old king who had three sons.";

let test: TestDatabase;
let library: ModelLibrary;
let model: LoadedModel;
let desk: RunDesk;

beforeAll(async () => {
  test = await openTestDatabase();
  library = createModelLibrary({ modelsDir, logger: silent });
  model = await library.load("tales");
});
afterEach(() => desk.close());
afterAll(async () => {
  await library.close();
  await test.remove();
});

/** What the model adds to the opening, and how its run stands then. */
async function write(sampling: SamplingInput) {
  desk = await openRunDesk({ database: test.database, model, body: opening });
  const { documentId, owner } = desk;
  await desk.generation.start(owner, { documentId, sampling: { seed: 5, ...sampling } });
  await vi.waitFor(
    () => expect(desk.published.states.at(-1)?.state).toMatch(/finished|paused|failed/),
    waiting,
  );
  const text = (await desk.text()).slice(opening.length);
  return { text, run: desk.published.states.at(-1) };
}

async function writeAnother(sampling: SamplingInput) {
  await desk.close();
  return write(sampling);
}

describe("the tales model", () => {
  it("E26: writes no banned word, and would have", async () => {
    const greedy = { strategy: "greedy", maxTokens: 120 } as const;
    const free = await write(greedy);
    expect(free.text).toMatch(/\bking\b/i);
    const bannedWords = ["king", "the", "son"];
    const { text } = await writeAnother({ ...greedy, bannedWords });
    expect(text).not.toMatch(/\b(king|the|son)\b/i);
    expect(text.length).toBeGreaterThan(100);
  });

  it("R15: ends with a sentence", async () => {
    const { text, run } = await write({ maxTokens: 60, stopAt: "sentence" });
    expect(text).toMatch(/[.!?]['"”’]*$/);
    expect(run).toMatchObject({ state: "finished", finishReason: "max_tokens" });
    const tokens = run?.tokens ?? 0;
    expect(tokens).toBe(desk.published.tokens.length);
    expect(tokens).toBeLessThanOrEqual(124);
    const usual = (await writeAnother({ maxTokens: 60 })).text;
    expect(text.startsWith(usual.slice(0, 100))).toBe(true);
  });

  it("R16: pauses where it goes round in a circle, greedy and unblocked", async () => {
    const { run } = await write({
      strategy: "greedy",
      maxTokens: null,
      repetitionPenalty: 1,
      noRepeatNgramSize: 0,
    });
    expect(run).toMatchObject({ state: "paused", reason: "loop" });
  });

  it("E25: writes a snippet by beams, the same each time, no four tokens twice", async () => {
    const snippet = samplingPresets.find(({ id }) => id === "snippet")?.sampling ?? {};
    const { text, run } = await write({ ...snippet, maxTokens: 40 });
    expect(run).toMatchObject({ state: "finished", finishReason: "max_tokens", tokens: 40 });
    const ids = desk.published.tokens.map(({ id }) => id);
    const groups = ids.slice(3).map((_, i) => ids.slice(i, i + 4).join(" "));
    expect(new Set(groups).size).toBe(groups.length);
    expect((await writeAnother({ ...snippet, maxTokens: 40, seed: 9 })).text).toBe(text);
  });

  it("writes otherwise with each of the penalties, and keeps to a bias", async () => {
    const greedy = { strategy: "greedy", maxTokens: 60, repetitionPenalty: 1 } as const;
    const plain = (await write(greedy)).text;
    expect((await writeAnother({ ...greedy, presencePenalty: 2 })).text).not.toBe(plain);
    expect((await writeAnother({ ...greedy, frequencyPenalty: 2 })).text).not.toBe(plain);
    const [comma = 0] = model.tokenizer.encode(",");
    const drawsComma = () => desk.published.tokens.some(({ id }) => id === comma);
    await writeAnother(greedy);
    expect(drawsComma()).toBe(true);
    await writeAnother({ ...greedy, logitBias: { [comma]: -100 } });
    expect(drawsComma()).toBe(false);
  });
});
