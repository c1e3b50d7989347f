import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import type {
  GeneratedToken,
  GenerationRequest,
  LoadedModel,
} from "../../server/inference/engine.ts";
import { freePort } from "./free-port.ts";

/** How the server tells its tokens: as vLLM does, as llama.cpp does, or in text alone. */
type Telling = "ids" | "content" | "text";

/** What goes wrong with a request; `respond` answers instead of the model. */
export type Fault =
  | { is: "answer"; status: number; headers?: Record<string, string>; body?: string }
  /** The connection is cut once so many tokens are told, in the middle of an event. */
  | { is: "cut"; afterTokens: number }
  /** Nothing more comes after so many tokens. */
  | { is: "silence"; afterTokens: number }
  /** Nothing but this comes after so many tokens, again and again. */
  | { is: "chatter"; afterTokens: number; text: string }
  /** This is told in place of the next event. */
  | { is: "raw"; afterTokens: number; text: string }
  /** The stream ends well-formed, without saying that it does. */
  | { is: "hang_up"; afterTokens: number }
  /** Each event comes in pieces of so many bytes. */
  | { is: "drip"; bytes: number };

/** A request as it came. */
export interface AskedCompletion {
  body: Record<string, unknown>;
  authorization: string | undefined;
  path: string;
  /** Resolves when the client has gone, or the answer is whole. */
  closed: Promise<void>;
  /** Tokens that were told so far. */
  told: number;
}

export interface CompletionsServer {
  readonly url: string;
  /** All but the probes of a single token. */
  readonly requests: AskedCompletion[];
  readonly probes: AskedCompletion[];
  /** These requests go wrong, in this order; null: that one goes well. */
  failNext(...faults: (Fault | null)[]): void;
  /** Every request goes wrong, probes too, until null. */
  failAll(fault: Fault | null): void;
  /** Cuts all connections and listens no more. */
  stop(): Promise<void>;
  /** Listens again at the same address. */
  start(): Promise<void>;
}

/** A real HTTP server that speaks the completions API, with the real model behind it. */
export async function startCompletionsServer(
  model: LoadedModel,
  { telling = "ids", apiKey }: { telling?: Telling; apiKey?: string } = {},
): Promise<CompletionsServer> {
  const requests: AskedCompletion[] = [];
  const probes: AskedCompletion[] = [];
  let faults: (Fault | null)[] = [];
  let standing: Fault | null = null;
  const port = await freePort();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await readRequest(request, response);
    if (apiKey !== undefined && asked.authorization !== `Bearer ${apiKey}`)
      return void response.writeHead(401).end();
    const isProbe = asked.body["max_tokens"] === 1;
    (isProbe ? probes : requests).push(asked);
    const fault = standing ?? (isProbe ? null : (faults.shift() ?? null));
    if (fault?.is === "answer")
      return void response.writeHead(fault.status, fault.headers).end(fault.body);
    await complete(model, telling, { asked, response, fault });
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const start = async () => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    probes,
    failNext(...next) {
      faults = next;
    },
    failAll(fault) {
      standing = fault;
    },
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
    start,
  };
}

async function readRequest(request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    // Without an encoding the stream gives buffers.
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const asked: AskedCompletion = {
    // Only our own client sends here.
    body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
    authorization: request.headers.authorization,
    path: request.url ?? "",
    closed: new Promise((resolve) => response.once("close", () => resolve())),
    told: 0,
  };
  return asked;
}

async function complete(
  { engine, tokenizer }: LoadedModel,
  telling: Telling,
  {
    asked,
    response,
    fault,
  }: { asked: AskedCompletion; response: ServerResponse; fault: Fault | null },
): Promise<void> {
  const wish = readWish(asked.body, tokenizer);
  response.writeHead(200, { "content-type": "text/event-stream" });
  // vLLM sends its head before the first token.
  response.flushHeaders();
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Error("the client is gone")));
  const sequence = engine.open();
  const decoder = new TextDecoder();
  let finish = "length";
  try {
    for await (const token of sequence.generate(wish, gone.signal)) {
      if (fault && "afterTokens" in fault && asked.told >= fault.afterTokens)
        return await fail(response, fault);
      if (token.id === tokenizer.endOfTextId) {
        finish = "stop";
        break;
      }
      const text = decoder.decode(tokenizer.bytes(token.id), { stream: true });
      await write(response, eventOf(telling, token, text), fault);
      asked.told++;
    }
    await write(response, { choices: [{ text: decoder.decode(), finish_reason: finish }] }, fault);
    response.end("data: [DONE]\n\n");
  } finally {
    await sequence.close();
  }
}

async function fail(
  response: ServerResponse,
  fault: Extract<Fault, { afterTokens: number }>,
): Promise<void> {
  switch (fault.is) {
    case "cut":
      response.write('data: {"choices":[{"text":"caf');
      response.write(Buffer.from([0xc3]));
      await new Promise((resolve) => setImmediate(resolve));
      response.destroy();
      return;
    case "silence":
      await once(response, "close");
      return;
    case "chatter": {
      const chatter = setInterval(() => response.write(fault.text), 50);
      await once(response, "close");
      clearInterval(chatter);
      return;
    }
    case "raw":
      response.end(fault.text);
      return;
    case "hang_up":
      response.end();
      return;
    default:
      fault satisfies never;
  }
}

async function write(response: ServerResponse, event: object, fault: Fault | null): Promise<void> {
  const bytes = Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
  const step = fault?.is === "drip" ? fault.bytes : bytes.length;
  for (let from = 0; from < bytes.length; from += step) {
    const flows = response.write(bytes.subarray(from, from + step));
    if (!flows) await Promise.race([once(response, "drain"), once(response, "close")]);
    if (step < bytes.length) await new Promise((resolve) => setImmediate(resolve));
  }
}

function eventOf(telling: Telling, token: GeneratedToken, text: string): object {
  const { id, logprob, alternatives = [] } = token;
  const choice = { index: 0, text, finish_reason: null };
  switch (telling) {
    case "ids": {
      const top = alternatives.map((other) => [`token_id:${other.id}`, other.logprob] as const);
      const logprobs = {
        tokens: [`token_id:${id}`],
        token_logprobs: [logprob],
        top_logprobs: [Object.fromEntries(top)],
      };
      return { choices: [{ ...choice, token_ids: [id], logprobs }] };
    }
    case "content":
      return { choices: [{ ...choice, logprobs: { content: [{ id, token: text, logprob }] } }] };
    case "text":
      return { choices: [choice] };
    default:
      return telling satisfies never;
  }
}

function readWish(
  body: Record<string, unknown>,
  tokenizer: LoadedModel["tokenizer"],
): GenerationRequest {
  const { endOfTextId } = tokenizer;
  const number = (name: string, otherwise: number) =>
    typeof body[name] === "number" ? body[name] : otherwise;
  const firstIndex = number("first_index", 0);
  const maxTokens = firstIndex + number("max_tokens", 16);
  // Our own client writes an object of numbers.
  const bias = (body["logit_bias"] ?? {}) as Record<string, number>;
  const sampling: Sampling = {
    ...defaultSampling,
    strategy: number("temperature", 1) === 0 ? "greedy" : "sample",
    temperature: number("temperature", 1),
    topK: number("top_k", 0),
    topP: number("top_p", 1),
    minP: number("min_p", 0),
    repetitionPenalty: number("repetition_penalty", number("repeat_penalty", 1)),
    noRepeatNgramSize: number("no_repeat_ngram_size", 0),
    seed: number("seed", 0),
    maxTokens,
    minTokens: bias[String(endOfTextId)] === -100 ? maxTokens : 0,
  };
  const { prompt } = body;
  // Our own client writes token ids or a text.
  const ids = typeof prompt === "string" ? encode(prompt, tokenizer) : (prompt as number[]);
  return {
    prompt: ids,
    firstIndex,
    sampling,
    alternatives: number("logprobs", 0),
    // As our own client writes it.
    bannedSequences: (body["banned_sequences"] ?? []) as number[][],
  };
}

function encode(text: string, tokenizer: LoadedModel["tokenizer"]): number[] {
  return text === "<|endoftext|>" ? [tokenizer.endOfTextId] : tokenizer.encode(text);
}
