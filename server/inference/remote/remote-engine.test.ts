import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import {
  type CompletionsServer,
  type Fault,
  startCompletionsServer,
} from "../../../tests/support/completions-server.ts";
import type { RemoteEngineSettings } from "../../config/engines-file.ts";
import { systemClock } from "../../jobs/clock.ts";
import { createLogger } from "../../observability/logger.ts";
import { createEngine } from "../create-engine.ts";
import type { EngineSequence, GeneratedToken, LoadedModel } from "../engine.ts";
import { request, take } from "../test-support/create-engine-contract.ts";
import { someTokens, talesCard, talesFolder } from "../test-support/tales.ts";
import { loadTokenizer } from "../tokenizer.ts";
import { RemoteEngine } from "./remote-engine.ts";
import { RemoteFailure } from "./remote-failure.ts";

const logger = createLogger("silent");
// Two engines compute what one would, beside whatever else this machine does.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const greedy = { strategy: "greedy", maxTokens: 40, minTokens: 40 } as const;
const prompt = someTokens(30);

let model: LoadedModel;
let server: CompletionsServer;
let engines: RemoteEngine[] = [];
beforeAll(async () => {
  const tokenizer = await loadTokenizer(talesFolder, talesCard.endOfTextId);
  model = { engine: await createEngine({ modelFolder: talesFolder }), tokenizer };
});
afterAll(() => model.engine.close());
beforeEach(async () => {
  server = await startCompletionsServer(model);
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  await server.stop();
});

const settings: Omit<RemoteEngineSettings, "url"> = {
  name: "far",
  model: "tales",
  kind: "palimpsest",
  remoteModel: "tales",
  apiKey: undefined,
  places: 4,
  prompt: "tokens",
  connectTimeoutMs: 5_000,
  firstTokenTimeoutMs: 10_000,
  tokenTimeoutMs: 5_000,
};

function connect(changes: Partial<RemoteEngineSettings> = {}): RemoteEngine {
  const engine = new RemoteEngine({
    settings: { ...settings, url: server.url, ...changes },
    model: model.engine.model,
    tokenizer: model.tokenizer,
    clock: systemClock,
    logger,
    // The waits between two questions are the breaker's own; here they need not be long.
    rests: { shortestMs: 100, longestMs: 400 },
  });
  engines.push(engine);
  return engine;
}

async function open(changes?: Partial<RemoteEngineSettings>): Promise<EngineSequence> {
  const engine = connect(changes);
  await engine.ready();
  return engine.open().sequence;
}

async function local(sampling: Parameters<typeof request>[1]): Promise<GeneratedToken[]> {
  const sequence = model.engine.open();
  const tokens = await take(sequence.generate(request(prompt, sampling)));
  await sequence.close();
  return tokens;
}

const idsOf = (tokens: GeneratedToken[]) => tokens.map(({ id }) => id);
const textOf = (tokens: GeneratedToken[]) =>
  Buffer.concat(tokens.map(({ id }) => model.tokenizer.bytes(id))).toString("utf8");

test("E13: a remote engine draws what the local one would, token for token and in many requests", async () => {
  const sequence = await open();
  const long = { ...greedy, maxTokens: 280, minTokens: 280 };
  const [here, there] = [await local(long), await take(sequence.generate(request(prompt, long)))];
  expect(idsOf(there)).toEqual(idsOf(here));
  expect(there.map(({ contextTokens }) => contextTokens)).toEqual(
    here.map(({ contextTokens }) => contextTokens),
  );
  there.forEach(({ logprob }, place) => expect(logprob).toBeCloseTo(here[place]?.logprob ?? 1, 3));
  expect(server.requests.length).toBeGreaterThan(1);
});

test("E13: from another Palimpsest the same seed gives the same tokens", async () => {
  const sampling = { maxTokens: 280, minTokens: 280, seed: 77 };
  const sequence = await open();
  const tokens = await take(sequence.generate(request(prompt, sampling)));
  expect(idsOf(tokens)).toEqual(idsOf(await local(sampling)));
});

test.each([
  ["ids beside log-probabilities, as llama.cpp tells them", "content", "llama.cpp", "tokens"],
  ["text alone", "text", "openai", "text"],
] as const)("E13: a server may tell its tokens as %s", async (_, telling, kind, form) => {
  await server.stop();
  server = await startCompletionsServer(model, { telling });
  const sequence = await open({ kind, prompt: form });
  const story = model.tokenizer.encode("Once upon a time there was a café");
  const plain = { ...greedy, repetitionPenalty: 1, noRepeatNgramSize: 0, maxTokens: 200 };
  const [here, there] = await Promise.all(
    [model.engine.open(), sequence].map((one) => take(one.generate(request(story, plain)))),
  );
  const [expected, written] = [textOf(here ?? []), textOf(there ?? [])];
  const length = Math.min(expected.length, written.length);
  expect(length).toBeGreaterThan(100);
  expect(written.slice(0, length)).toBe(expected.slice(0, length));
  expect(there?.map(({ index }) => index)).toEqual(there?.map((__, place) => place));
});

test("E9 E13: an endless run goes on past the window on another machine", async () => {
  const sequence = await open();
  const generation = sequence.generate(request(prompt, { strategy: "greedy", maxTokens: null }));
  const tokens = await take(generation, 700);
  expect(tokens.map(({ index }) => index)).toEqual(tokens.map((_, place) => place));
  expect(tokens.every(({ contextTokens }) => contextTokens < 512)).toBe(true);
  expect(tokens.at(-1)?.droppedTokens).toBeGreaterThan(200);
  expect(idsOf(tokens)).not.toContain(model.tokenizer.endOfTextId);
});

test("E13: leaving the loop closes the request at once, and a consumer that waits holds the server back", async () => {
  const sequence = await open();
  const generation = sequence.generate(request(prompt, { maxTokens: null }));
  const iterator = generation[Symbol.asyncIterator]();
  await iterator.next();
  const [asked] = server.requests;
  await iterator.return?.();
  await asked?.closed;
  expect(asked?.told).toBeLessThan(256);
});

test("E13: what fails before the first token is tried again", async () => {
  const sequence = await open();
  server.failNext({ is: "answer", status: 500 }, { is: "answer", status: 502 });
  const tokens = await take(sequence.generate(request(prompt, greedy)));
  expect(idsOf(tokens)).toEqual(idsOf(await local(greedy)));
  expect(server.requests).toHaveLength(3);
});

test("E13: a busy server is asked again when it said so, and not sooner", async () => {
  const sequence = await open();
  server.failNext({ is: "answer", status: 429, headers: { "retry-after": "1" } });
  const began = performance.now();
  const tokens = await take(sequence.generate(request(prompt, greedy)));
  expect(tokens).toHaveLength(40);
  expect(performance.now() - began).toBeGreaterThanOrEqual(990);
});

test("E13: one that is busy for longer is not waited for", async () => {
  const sequence = await open();
  server.failNext({ is: "answer", status: 503, headers: { "retry-after": "600" } });
  await expect(take(sequence.generate(request(prompt, greedy)))).rejects.toMatchObject({
    trouble: "busy",
  });
  expect(server.requests).toHaveLength(1);
});

test("E13: a run that leaves while a busy server is left alone gives its place to the next at once", async () => {
  const sequence = await open({ places: 1 });
  server.failNext({ is: "answer", status: 429, headers: { "retry-after": "4" } });
  const leaving = new AbortController();
  const left = take(sequence.generate(request(prompt, greedy), leaving.signal));
  await vi.waitFor(() => expect(server.requests).toHaveLength(1));
  await server.requests[0]?.closed;
  const began = performance.now();
  leaving.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  expect(await take(sequence.generate(request(prompt, greedy)), 1)).toHaveLength(1);
  expect(performance.now() - began).toBeLessThan(3_000);
});

const event = (choice: object) => `data: ${JSON.stringify({ choices: [choice] })}\n\n`;
test.each<[string, string, Fault]>([
  ["is cut in the middle of a character", "broken", { is: "cut", afterTokens: 7 }],
  ["ends without an end", "broken", { is: "hang_up", afterTokens: 7 }],
  ["falls silent", "silent", { is: "silence", afterTokens: 7 }],
  ["says nothing for ever", "silent", { is: "chatter", afterTokens: 7, text: event({ text: "" }) }],
  ["becomes garbage", "broken", { is: "raw", afterTokens: 7, text: "data: {nonsense\n\n" }],
  ["becomes other JSON", "broken", { is: "raw", afterTokens: 7, text: 'data: {"error":{}}\n\n' }],
  [
    "has a line without end",
    "broken",
    { is: "raw", afterTokens: 7, text: `data: ${"x".repeat(3e6)}` },
  ],
  [
    "names unknown tokens",
    "denied",
    { is: "raw", afterTokens: 7, text: event({ token_ids: [99_999] }) },
  ],
])("E13: a stream that %s fails as %s, after every token that came", async (_, trouble, fault) => {
  const engine = connect(trouble === "silent" ? { tokenTimeoutMs: 700 } : {});
  await engine.ready();
  const { sequence } = engine.open();
  server.failNext(fault);
  const seen: GeneratedToken[] = [];
  const loop = (async () => {
    for await (const token of sequence.generate(request(prompt, greedy))) seen.push(token);
  })();
  await expect(loop).rejects.toMatchObject({ name: "RemoteFailure", trouble });
  expect(engine.available).toBe(false);
  expect(() => engine.open()).toThrow("not there now");
  expect(idsOf(seen)).toEqual(idsOf(await local(greedy)).slice(0, seen.length));
  expect(server.requests).toHaveLength(1);
  await vi.waitFor(() => expect(engine.available).toBe(true), { timeout: 10_000 });
  expect(await take(engine.open().sequence.generate(request(prompt, greedy)))).toHaveLength(40);
});

test.each<[string, string, Fault]>([
  [
    "another kind of content",
    "broken",
    { is: "answer", status: 200, headers: { "content-type": "text/html" }, body: "<html>" },
  ],
  [
    "a redirect",
    "denied",
    { is: "answer", status: 302, headers: { location: "http://127.0.0.1:1/" } },
  ],
  ["a refusal of the key", "denied", { is: "answer", status: 401 }],
  ["no such model", "denied", { is: "answer", status: 404 }],
  ["no first token in time", "silent", { is: "silence", afterTokens: 0 }],
])(
  "E13: %s fails as %s, and leaves the engine out while it lasts",
  async (_, trouble, fault) => {
    const engine = connect({ firstTokenTimeoutMs: 700 });
    await engine.ready();
    const { sequence } = engine.open();
    server.failAll(fault);
    await expect(take(sequence.generate(request(prompt, greedy)))).rejects.toMatchObject({
      trouble,
    });
    await vi.waitFor(() => expect(server.probes.length).toBeGreaterThan(1), { timeout: 10_000 });
    expect(engine.available).toBe(false);
    await expect(engine.ready()).rejects.toThrow("far cannot be used now");
    server.failAll(null);
    await vi.waitFor(() => expect(engine.available).toBe(true), { timeout: 10_000 });
  },
  20_000,
);

test("E13: a server that refuses even the plainest request is left out like any other that fails", async () => {
  server.failAll({ is: "answer", status: 400 });
  const engine = connect();
  expect(engine.near).toBe(true);
  await expect(engine.ready()).rejects.toThrow(
    "far cannot be used now. The engine's server answered 400.",
  );
  expect([engine.near, engine.failures, engine.problem]).toEqual([
    false,
    1,
    "The engine's server answered 400.",
  ]);
  // Asked again at once it would be asked for ever.
  expect(server.probes).toHaveLength(1);
  server.failAll(null);
  await vi.waitFor(() => expect(engine.available).toBe(true), { timeout: 10_000 });
  expect([engine.near, server.probes.length]).toEqual([true, 2]);
});

test("E13: a request that is refused for itself is not tried again, and the engine stays", async () => {
  const engine = connect();
  await engine.ready();
  const { sequence } = engine.open();
  server.failNext({
    is: "answer",
    status: 400,
    body: '{"error":{"type":"bad","message":"secret"}}',
  });
  const failure: unknown = await take(sequence.generate(request(prompt, greedy))).catch((e) => e);
  expect(failure).toBeInstanceOf(RemoteFailure);
  expect(JSON.stringify([failure, String((failure as Error).cause)])).not.toContain("secret");
  expect(server.requests).toHaveLength(1);
  expect(engine.available).toBe(true);
});

test("E13: events that come byte by byte are read as they are", async () => {
  const sequence = await open();
  server.failNext({ is: "drip", bytes: 1 });
  const short = { ...greedy, maxTokens: 10, minTokens: 10 };
  const tokens = await take(sequence.generate(request(prompt, short)));
  expect(idsOf(tokens)).toEqual(idsOf(await local(short)));
});

test("E13: a server that is not there is told, and used once it is", async () => {
  await server.stop();
  const engine = connect();
  await expect(engine.ready()).rejects.toThrow("far cannot be used now");
  await server.start();
  await vi.waitFor(() => expect(engine.available).toBe(true), { timeout: 10_000 });
});

test("E13: the key goes with each request, to that server alone", async () => {
  await server.stop();
  server = await startCompletionsServer(model, { apiKey: "k-123" });
  await expect(open({ apiKey: "wrong" })).rejects.toThrow("401");
  const sequence = await open({ apiKey: "k-123" });
  expect(await take(sequence.generate(request(prompt, greedy)), 1)).toHaveLength(1);
});
