import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { SamplingInput } from "#shared/sampling.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk, type RunDeskOptions } from "../support/run-desk.ts";
import {
  createScriptedModel,
  type ScriptedModel,
  type ScriptedModelOptions,
} from "../support/scripted-engine.ts";

const waiting = { interval: 5 } as const;
let test: TestDatabase;
let desk: RunDesk;
let model: ScriptedModel;

beforeAll(async () => {
  test = await openTestDatabase();
});
afterEach(() => desk.close());
afterAll(() => test.remove());

async function open(
  options: ScriptedModelOptions = {},
  deskOptions: Pick<RunDeskOptions, "sync"> = {},
) {
  model = createScriptedModel(options);
  desk = await openRunDesk({ ...deskOptions, database: test.database, model, body: "Once" });
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

  it.each([
    ["while it writes", false],
    ["while it is paused", true],
  ])(
    "R15: a length far below what is written, tuned %s, ends it with the sentence that it is in",
    async (_when, pauses) => {
      await open({
        contextTokens: 512,
        next: ({ index }) => (index === 130 ? "." : ` Word${index}`),
      });
      model.drawBelow(100);
      await start({ maxTokens: null, stopAt: "sentence" });
      await written(100);
      if (pauses) await desk.generation.pause(desk.owner, command());
      const shorter = { ...command(), sampling: { maxTokens: 5 } };
      const tuned = await desk.generation.tune(desk.owner, shorter);
      expect(tuned.sampling.maxTokens).toBe(100);
      // Another wish later on moves the end no further.
      const warmer = { ...command(), sampling: { temperature: 1 } };
      expect((await desk.generation.tune(desk.owner, warmer)).sampling.maxTokens).toBe(100);
      model.drawBelow(1000);
      if (pauses) await desk.generation.resume(desk.owner, command());
      expect(await reached("finished")).toMatchObject({ finishReason: "max_tokens", tokens: 131 });
      expect(await desk.text()).toMatch(/ Word129\.$/);
    },
  );

  it("R15: a length below what is written ends a run at once that ends anywhere", async () => {
    await open(saying(story));
    model.drawBelow(10);
    await start({ maxTokens: null });
    await written(10);
    await desk.generation.tune(desk.owner, { ...command(), sampling: { maxTokens: 5 } });
    expect(await reached("finished")).toMatchObject({ finishReason: "max_tokens", tokens: 10 });
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

describe("a run that repeats itself while people change the text", () => {
  const circle = saying(" and/ the/ wind/ went/ round/ and/ round");

  /** Forty tokens are written: the next eight would show a loop. */
  async function openNearLoop() {
    await open({ ...circle, contextTokens: 512 });
    model.drawBelow(40);
    await start({ maxTokens: null });
    await written(40);
    return desk.openTab(desk.editor);
  }

  async function pausedAt(tokens: number) {
    model.drawBelow(1000);
    expect(await reached("paused")).toMatchObject({ reason: "loop" });
    expect(desk.published.tokens.length).toBeGreaterThanOrEqual(tokens);
  }

  it.each<[string, (length: number) => [at: number, cut: number, put: string]]>([
    ["a word changed within it", (length) => [length - 60, 3, "sea"]],
    ["its last words deleted", (length) => [length - 20, 19, ""]],
    ["all of it deleted, with what stood before", (length) => [2, length - 3, ""]],
    ["words typed after it", (length) => [length - 1, 0, " until it stopped."]],
  ])("R16: is watched afresh after %s", async (_what, edit) => {
    const tab = await openNearLoop();
    const [at, cut, put] = edit(tab.body.length);
    tab.doc.transact(() => {
      tab.body.delete(at, cut);
      tab.body.insert(at, put, {});
    });
    const edited = tab.body.toString().replace(/\n$/, "");
    await vi.waitFor(async () => expect(await desk.text()).toBe(edited), waiting);
    model.drawBelow(40 + 47);
    await written(40 + 47);
    expect(desk.published.states.at(-1)?.state).toBe("streaming");
    await pausedAt(40 + 48);
  });

  it("R16: is watched on where the text before it is changed", async () => {
    const tab = await openNearLoop();
    tab.body.insert(2, "xx", {});
    await vi.waitFor(() => expect(model.requests).toHaveLength(2), waiting);
    model.drawBelow(48);
    expect(await reached("paused")).toMatchObject({ reason: "loop", tokens: 48 });
  });
});

describe("a run that ends by itself while a limit is reached", () => {
  let letCommit: () => void = () => {};

  /**
   * Writes 48 tokens that go round in a circle and comes to its end; the last token's flush is not
   * committed before the end is drawn.
   */
  async function openToEnd(last: string | null) {
    let commits: Promise<void> | undefined;
    const next: ScriptedModelOptions["next"] = ({ index }) =>
      index < 48 ? ` word${index % 6}` : last;
    await open({ next, contextTokens: 512 }, { sync: { afterCommit: async () => commits } });
    model.drawBelow(47);
    return async (sampling: SamplingInput) => {
      await start({ maxTokens: 100, ...sampling });
      await written(47);
      commits = new Promise((resolve) => {
        letCommit = resolve;
      });
      model.drawBelow(100);
      await vi.waitFor(() => expect(model.drawn).toBe(49), waiting);
      for (let turn = 0; turn < 50; turn++) await new Promise((later) => setImmediate(later));
      letCommit();
    };
  }

  it.each([
    ["the end of its text", null, {}, "end_of_text"],
    ["a stop string", " END", { stop: ["END"] }, "stop_string"],
  ] as const)("R16: at %s is finished, not paused as a loop", async (_end, last, input, reason) => {
    const write = await openToEnd(last);
    await write({ ...input, stop: "stop" in input ? [...input.stop] : [] });
    expect(await reached("finished")).toMatchObject({ finishReason: reason });
    expect(desk.published.states.map((run) => run.state)).not.toContain("paused");
    expect(desk.published.tokens.length).toBeGreaterThanOrEqual(48);
  });

  it("A23: with the day's last token is finished, not paused for the quota", async () => {
    const write = await openToEnd(null);
    await test.database.kysely
      .insertInto("quotas")
      .values({ user_id: desk.owner.id, tokens_per_day: 48, runs_at_once: null })
      .execute();
    await write({});
    expect(await reached("finished")).toMatchObject({ finishReason: "end_of_text", tokens: 48 });
    expect(desk.published.states.map((run) => run.state)).not.toContain("paused");
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
