import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { SamplingInput } from "#shared/sampling.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk } from "../support/run-desk.ts";
import {
  createScriptedModel,
  type ScriptedModel,
  type ScriptedModelOptions,
} from "../support/scripted-engine.ts";

const waiting = { timeout: 5_000, interval: 5 } as const;
let test: TestDatabase;
let desk: RunDesk;
let model: ScriptedModel;

beforeAll(async () => {
  test = await openTestDatabase();
});
afterEach(() => desk.close());
afterAll(() => test.remove());

async function open(options: ScriptedModelOptions = {}) {
  model = createScriptedModel(options);
  desk = await openRunDesk({ database: test.database, model, body: "Once" });
}

/** The model writes these words over and over; `/` parts the tokens. */
const saying = (text: string): ScriptedModelOptions => {
  const tokens = text.split("/");
  return { next: ({ index }) => tokens[index % tokens.length] ?? "" };
};

function start(sampling: SamplingInput = {}) {
  return desk.generation.start(desk.owner, { documentId: desk.documentId, sampling });
}

const command = () => ({ documentId: desk.documentId });

async function reached(state: string) {
  await vi.waitFor(() => expect(desk.published.states.at(-1)?.state).toBe(state), waiting);
  return desk.published.states.at(-1);
}

async function written(tokens: number) {
  await vi.waitFor(
    () => expect(desk.published.tokens.length).toBeGreaterThanOrEqual(tokens),
    waiting,
  );
}

describe("a run that ends with a sentence", () => {
  const story = " there/ was/ Mr/./ Fox/./ He/ came/ in/!/”/ Then/ he/ slept/./\n/ It";

  it.each([
    [1, "Once there was Mr. Fox.", 6],
    [6, "Once there was Mr. Fox.", 6],
    [7, "Once there was Mr. Fox. He came in!”", 11],
    [12, "Once there was Mr. Fox. He came in!” Then he slept.", 15],
  ])(
    "R15: of length %i writes %j, and what it drew beyond counts for nobody",
    async (maxTokens, text, tokens) => {
      await open(saying(story));
      await start({ maxTokens, stopAt: "sentence" });
      expect(await reached("finished")).toMatchObject({ finishReason: "max_tokens", tokens });
      expect(await desk.text()).toBe(text);
      expect(desk.published.tokens.map(({ index }) => index)).toEqual([...Array(tokens).keys()]);
    },
  );

  it("R15: with a least length ends with the first one after it, an endless run too", async () => {
    for (const maxTokens of [200, null]) {
      await open(saying(story));
      await start({ maxTokens, minTokens: 7, stopAt: "sentence" });
      expect(await reached("finished")).toMatchObject({ finishReason: "stop_string", tokens: 11 });
      expect(await desk.text()).toBe("Once there was Mr. Fox. He came in!”");
      if (maxTokens !== null) await desk.close();
    }
  });

  it("R15: goes on to it over a pause, and no further than 64 tokens", async () => {
    await open();
    model.drawBelow(8);
    await start({ maxTokens: 5, stopAt: "sentence" });
    await written(8);
    await desk.generation.pause(desk.owner, command());
    model.drawBelow(1000);
    await desk.generation.resume(desk.owner, command());
    expect(await reached("finished")).toMatchObject({ finishReason: "max_tokens", tokens: 69 });
  });

  it("a paragraph ends before its line break", async () => {
    await open(saying(story));
    await start({ maxTokens: 2, stopAt: "paragraph" });
    expect(await reached("finished")).toMatchObject({ finishReason: "max_tokens", tokens: 15 });
    expect(await desk.text()).toBe("Once there was Mr. Fox. He came in!” Then he slept.");
  });
});

describe("a run that repeats itself", () => {
  const circle = " and/ the/ wind/ went/ round/ and/ round";

  it("R16: pauses with the reason loop, its text intact, and goes on when a person wants it", async () => {
    await open(saying(circle));
    await start({ maxTokens: null });
    expect(await reached("paused")).toMatchObject({ reason: "loop" });
    const first = desk.published.tokens.length;
    expect(first).toBeGreaterThanOrEqual(48);
    expect((await desk.text()).length).toBeGreaterThan(200);

    await desk.generation.resume(desk.owner, command());
    await reached("streaming");
    expect(await reached("paused")).toMatchObject({ reason: "loop" });
    expect(desk.published.tokens.length - first).toBeGreaterThanOrEqual(48);
  });

  it("R16: is not one that comes to its end just then", async () => {
    await open(saying(circle));
    await start({ maxTokens: 48 });
    expect(await reached("finished")).toMatchObject({ finishReason: "max_tokens", tokens: 48 });
  });
});

describe("what the engine is asked", () => {
  it("E26: banned words as token sequences, those of a tune from the next token on", async () => {
    await open();
    model.drawBelow(2);
    await start({ maxTokens: 6, bannedWords: ["old king"] });
    await written(2);
    const spelling = (text: string) => model.tokenizer.encode(text);
    expect(model.requests[0]?.bannedSequences).toContainEqual(spelling(" old king"));
    expect(model.requests[0]?.bannedSequences).toContainEqual(spelling("Old king"));
    await desk.generation.tune(desk.owner, { ...command(), sampling: { bannedWords: [] } });
    model.drawBelow(6);
    await reached("finished");
    expect(model.requests.at(-1)).not.toHaveProperty("bannedSequences");
  });

  it("R17: frequency and presence count what the run wrote, over a pause and a restart too", async () => {
    await open();
    model.drawBelow(3);
    await start({ maxTokens: 9, frequencyPenalty: 0.5 });
    await written(3);
    expect(model.requests[0]?.written).toEqual([]);
    const ids = () => desk.published.tokens.map(({ id }) => id);
    const three = ids();
    await desk.generation.pause(desk.owner, command());
    model.drawBelow(6);
    await desk.generation.resume(desk.owner, command());
    await written(6);
    expect(model.requests.at(-1)?.written).toEqual(three);
    const six = ids();
    const tokenizer = model.tokenizer;
    model = createScriptedModel({ tokenizer });
    await desk.restart(model);
    await desk.generation.resume(desk.owner, command());
    await written(9);
    expect(model.requests.at(-1)?.written).toEqual(six);
  });

  it("nothing that counts the run's words where no penalty needs them", async () => {
    await open();
    await start({ maxTokens: 2 });
    await reached("finished");
    expect(model.requests[0]).not.toHaveProperty("written");
  });
});

describe("a sampling that cannot be", () => {
  it.each<[string, SamplingInput]>([
    ["logitBias", { logitBias: { 1_000_000: 5 } }],
    ["maxTokens", { strategy: "beams", maxTokens: 513 }],
    ["maxTokens", { strategy: "beams", maxTokens: null }],
    ["bannedWords", { bannedWords: ["a\0b"] }],
    ["bannedWords", { bannedWords: ["king", "  "] }],
  ])(
    "R18: is refused with the name of %s, at a start and at a tune: %j",
    async (field, sampling) => {
      await open();
      const refusal = { code: "invalid", details: { field: `sampling.${field}` } };
      await expect(start(sampling)).rejects.toMatchObject(refusal);
      model.drawBelow(1);
      await start({ maxTokens: 20 });
      const tune = desk.generation.tune(desk.owner, { ...command(), sampling });
      await expect(tune).rejects.toMatchObject(refusal);
      const [run] = (await desk.generation.latest([desk.documentId])).values();
      expect(run?.sampling).toMatchObject({ strategy: "sample", bannedWords: [], logitBias: {} });
    },
  );

  it("is none for the last of the model's tokens, nor for beams of a text short enough", async () => {
    await open();
    const bias = { logitBias: { 999_999: -5 } };
    const run = await start({ ...bias, strategy: "beams", maxTokens: 512, beams: 3 });
    expect(run.sampling).toMatchObject({ ...bias, strategy: "beams", beams: 3 });
  });
});
