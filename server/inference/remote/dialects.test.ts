import { expect, test } from "vitest";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { type EngineKind, engineKinds } from "../../config/engines-file.ts";
import { unheardKnobs, type Wish, writeRequest } from "./dialects.ts";

const sampling: Sampling = {
  ...defaultSampling,
  seed: 7,
  typicalP: 0.9,
  frequencyPenalty: 0.5,
  logitBias: { 12: 3 },
};

function write(kind: EngineKind, changes: Partial<Wish> = {}) {
  const settings = {
    name: "far",
    model: "gpt2",
    url: "http://127.0.0.1",
    kind,
    remoteModel: "theirs",
    apiKey: "secret",
    places: 1,
    prompt: "tokens",
    connectTimeoutMs: 1,
    firstTokenTimeoutMs: 1,
    tokenTimeoutMs: 1,
  } as const;
  const wish = { prompt: [1, 2], sampling, firstIndex: 0, maxTokens: 9, bannedEnd: undefined };
  return writeRequest(settings, { ...wish, alternatives: 0, beside: {}, ...changes });
}

test.each(engineKinds)(
  "E13: %s is asked for what every server knows, and never given its key",
  (kind) => {
    const body = write(kind);
    expect(body).toMatchObject({ model: "theirs", prompt: [1, 2], max_tokens: 9, stream: true });
    expect(body).toMatchObject({ temperature: 0.8, top_p: 0.95, frequency_penalty: 0.5 });
    expect(JSON.stringify(body)).not.toContain("secret");
    // What ends a run is decided here, where a stop string can be kept out of the text.
    expect(body).not.toHaveProperty("stop");
  },
);

test("E13: each kind is asked in its own words", () => {
  expect(write("vllm")).toMatchObject({
    top_k: 40,
    repetition_penalty: 1.1,
    return_token_ids: true,
  });
  const llama = { repeat_penalty: 1.1, repeat_last_n: -1, typical_p: 0.9, logprobs: 1 };
  expect(write("llama.cpp")).toMatchObject(llama);
  expect(write("tgi")).not.toHaveProperty("logit_bias");
  expect(write("openai")).not.toHaveProperty("top_k");
  const beside = { history: [4], written: [5], bannedSequences: [[6, 7]] };
  expect(write("palimpsest", { firstIndex: 30, beside })).toMatchObject({
    seed: 7,
    first_index: 30,
    no_repeat_ngram_size: 4,
    history: [4],
    written: [5],
    banned_sequences: [[6, 7]],
  });
});

test("E13: greedy is greedy everywhere, and an end that is banned is biased away", () => {
  const greedy = { ...sampling, temperature: 0 } as const;
  expect(write("vllm", { sampling: greedy })).toMatchObject({ temperature: 0 });
  expect(write("tgi", { sampling: greedy })["temperature"]).toBeUndefined();
  expect(write("vllm", { bannedEnd: 50_256 })["logit_bias"]).toEqual({ 12: 3, 50256: -100 });
});

test("E13: each request of a run has random numbers of its own, the same whenever it is repeated", () => {
  const seeds = [0, 256, 512].map((firstIndex) => write("vllm", { firstIndex })["seed"]);
  expect(new Set(seeds).size).toBe(3);
  expect(write("vllm", { firstIndex: 256 })["seed"]).toBe(seeds[1]);
});

test("E13: what a server does not know is told by name, and only where it is set", () => {
  expect(unheardKnobs("vllm", sampling)).toEqual(["typicalP", "noRepeatNgramSize"]);
  expect(unheardKnobs("palimpsest", sampling)).toEqual([]);
  expect(unheardKnobs("tgi", { ...sampling, bannedWords: ["x"] })).toEqual([
    "topK",
    "typicalP",
    "noRepeatNgramSize",
    "bannedWords",
    "logitBias",
  ]);
  expect(unheardKnobs("vllm", { ...sampling, strategy: "beams" })).toContain("beams");
});
