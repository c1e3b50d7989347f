import { beforeAll, expect, test } from "vitest";
import type { Sampling } from "#shared/sampling.ts";
import type { Tokenizer } from "../engine.ts";
import { request } from "../test-support/create-engine-contract.ts";
import { talesCard, talesFolder } from "../test-support/tales.ts";
import { loadTokenizer } from "../tokenizer.ts";
import type { CompletionDelta } from "./completion-events.ts";
import { RemoteGeneration } from "./remote-generation.ts";

const story = " naïve 🙂🙂 café 🦊 日本語 end";
let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(talesFolder, talesCard.endOfTextId);
});

type Body = Record<string, unknown>;

/** A server that knows one story and goes on in it from wherever the prompt ends. */
function tell(ids: readonly number[], isNamed: boolean) {
  return async function* ({ prompt, max_tokens: most }: Body): AsyncGenerator<CompletionDelta> {
    const place = ids.findIndex((_, count) => textOf(ids.slice(0, count)) === prompt);
    expect(place, `"${String(prompt)}" ends within a character`).toBeGreaterThanOrEqual(0);
    const told = ids.slice(place, place + Number(most));
    for (const id of told) {
      const tokens = [{ id, logprob: -1, alternatives: [] }];
      if (isNamed) yield { text: "", tokens, finish: undefined };
    }
    // One that does not keep to what it was asked for.
    const text = isNamed ? "" : textOf(ids.slice(place));
    yield { text, tokens: undefined, finish: "length" };
  };
}

const bytesOf = (ids: readonly number[]) => Buffer.concat(ids.map((id) => tokenizer.bytes(id)));
const textOf = (ids: readonly number[]) => bytesOf(ids).toString("utf8");

async function generate(
  prompt: number[],
  sampling: Partial<Sampling>,
  { send, written }: { send: (body: Body) => AsyncIterable<CompletionDelta>; written?: number[] },
): Promise<number[]> {
  const generation = new RemoteGeneration({
    request: { ...request(prompt, sampling), ...(written && { written }) },
    settings: {
      name: "far",
      model: "tales",
      url: "http://127.0.0.1",
      kind: "palimpsest",
      remoteModel: "tales",
      apiKey: undefined,
      places: 1,
      prompt: written ? "tokens" : "text",
      connectTimeoutMs: 1,
      firstTokenTimeoutMs: 1,
      tokenTimeoutMs: 1,
    },
    model: { tokenizer, contextTokens: 512, vocabularySize: talesCard.vocabularySize },
    send: async (body) => send({ ...body }),
  });
  const run = generation.run();
  const ids: number[] = [];
  for await (const { id } of generation.stream) ids.push(id);
  await run;
  return ids;
}

test.each([
  ["tokens by name", true],
  ["more text than was asked for", false],
])(
  "E13: no character is cut where one request ends and the next begins, given %s",
  async (_, isNamed) => {
    const begin = tokenizer.encode("Once");
    const rest = tokenizer.encode(story);
    const isHalf = (count: number) => textOf(rest.slice(0, count)).endsWith("\uFFFD");
    expect(rest.filter((__, place) => isHalf(place)).length).toBeGreaterThan(3);
    for (let minTokens = 1; minTokens < rest.length; minTokens++) {
      const sampling = { minTokens, maxTokens: rest.length };
      const ids = await generate(begin, sampling, { send: tell([...begin, ...rest], isNamed) });
      expect(textOf(ids), `least ${minTokens}`).toBe(story);
    }
  },
);

test("E13: a run whose length ends it within a character ends there", async () => {
  const begin = tokenizer.encode("Once");
  const rest = tokenizer.encode(" 🙂🙂");
  for (let maxTokens = 1; maxTokens < rest.length; maxTokens++) {
    const send = tell([...begin, ...rest], true);
    expect(await generate(begin, { maxTokens }, { send })).toEqual(rest.slice(0, maxTokens));
  }
});

test("R19 E13: the special token of a template goes to a server that is sent text, too", async () => {
  const asked: unknown[] = [];
  const send = async function* (body: Body): AsyncGenerator<CompletionDelta> {
    asked.push(body["prompt"]);
    yield { text: "x", tokens: undefined, finish: "length" };
  };
  const [end, words] = [tokenizer.endOfTextId, tokenizer.encode("[WP] A mill [RESPONSE] ")];
  const tail = tokenizer.encode("🙂").slice(-1);
  await generate([end, ...words], { maxTokens: 1 }, { send });
  await generate([...tail, end, ...words], { maxTokens: 1 }, { send });
  await generate([end], { maxTokens: 1 }, { send });
  expect(asked).toEqual([
    "<|endoftext|>[WP] A mill [RESPONSE] ",
    "<|endoftext|>[WP] A mill [RESPONSE] ",
    "<|endoftext|>",
  ]);
});

test("R17 E13: another Palimpsest is told all that the run wrote, with every request", async () => {
  const asked: unknown[] = [];
  const send = async function* (body: Body): AsyncGenerator<CompletionDelta> {
    asked.push(body["written"]);
    const tokens = [{ id: 40 + asked.length, logprob: -1, alternatives: [] }];
    yield { text: "", tokens, finish: "length" };
  };
  const sampling = { maxTokens: 3, frequencyPenalty: 0.5 };
  await generate([1, 2], sampling, { send, written: [7] });
  expect(asked).toEqual([[7], [7, 41], [7, 41, 42]]);
});
