import type { IncomingMessage } from "node:http";
import { createParser } from "eventsource-parser";
import { z } from "zod";
import type { TokenAlternative } from "../engine.ts";
import { RemoteFailure } from "./remote-failure.ts";

/** A token that the server named by its id. */
export interface NamedToken {
  id: number;
  /** 0 where the server tells none. */
  logprob: number;
  alternatives: TokenAlternative[];
}

/** What one event of a completion adds. */
export interface CompletionDelta {
  text: string;
  /** Where the server names its tokens; else only the text says what they were. */
  tokens: NamedToken[] | undefined;
  finish: "stop" | "length" | undefined;
}

const id = z.int().nonnegative();
const logprob = z.number().nullish();

/** As OpenAI had it first; vLLM writes tokens as `token_id:17` when asked. */
const tokenListSchema = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(logprob),
  top_logprobs: z.array(z.record(z.string(), logprob).nullish()).nullish(),
});
/** As llama.cpp has it. */
const contentSchema = z.object({
  content: z.array(
    z.object({
      id: id.optional(),
      logprob,
      top_logprobs: z.array(z.object({ id: id.optional(), logprob })).nullish(),
    }),
  ),
});
const eventSchema = z.object({
  choices: z.array(
    z.object({
      text: z.string().default(""),
      finish_reason: z.string().nullish(),
      token_ids: z.array(id).nullish(),
      logprobs: z.union([tokenListSchema, contentSchema]).nullish(),
    }),
  ),
});
type Choice = z.infer<typeof eventSchema>["choices"][number];

/** The longest event; a token's takes a few hundred characters. */
const longestEvent = 1_000_000;

/**
 * Reads a streamed completion, as far as the caller asks for it: what is not asked for stays in the
 * socket. Throws a RemoteFailure for anything that is none, and for one that breaks off.
 */
export async function* readCompletion(
  answer: IncomingMessage,
): AsyncGenerator<CompletionDelta, void, undefined> {
  requireEventStream(answer);
  const events: string[] = [];
  let overflow = false;
  const parser = createParser({
    maxBufferSize: longestEvent,
    onEvent: ({ data }) => void events.push(data),
    onError: (error) => {
      overflow ||= error.type === "max-buffer-size-exceeded";
    },
  });
  let finished = false;
  for await (const text of textOf(answer)) {
    parser.feed(text);
    if (overflow) throw broken("sends an event that does not end");
    for (const data of events.splice(0)) {
      if (data === "[DONE]") return;
      const delta = readEvent(data);
      if (delta === undefined || saysNothing(delta)) continue;
      finished ||= delta.finish !== undefined;
      yield delta;
    }
  }
  if (!finished) throw broken("broke off");
}

/** A server that sends nothing but these is silent all the same. */
function saysNothing({ text, tokens = [], finish }: CompletionDelta): boolean {
  return text === "" && tokens.length === 0 && finish === undefined;
}

function requireEventStream({ headers }: IncomingMessage): void {
  const type = headers["content-type"]?.split(";")[0]?.trim();
  if (type !== "text/event-stream") throw broken("does not answer with a stream of events");
}

/** Characters, whole ones, however the bytes were cut. */
async function* textOf(answer: IncomingMessage): AsyncGenerator<string, void, undefined> {
  answer.setEncoding("utf8");
  try {
    // With an encoding set the stream gives strings.
    for await (const text of answer) yield text as string;
  } catch (cause) {
    throw broken("broke off", cause);
  }
}

function readEvent(data: string): CompletionDelta | undefined {
  const event = eventSchema.safeParse(parse(data));
  if (!event.success) throw broken("sends what is no completion", withoutContent(event.error));
  const [choice] = event.data.choices;
  if (choice === undefined) return undefined;
  const { text, finish_reason: reason } = choice;
  return { text, tokens: tokensOf(choice), finish: finishOf(reason) };
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw broken("sends what is not JSON");
  }
}

function finishOf(reason: string | null | undefined): CompletionDelta["finish"] {
  if (reason === null || reason === undefined || reason === "") return undefined;
  return reason === "length" ? "length" : "stop";
}

function tokensOf({ token_ids, logprobs }: Choice): NamedToken[] | undefined {
  const listed = logprobs ? listedTokens(logprobs) : undefined;
  if (!token_ids) return listed?.every(isNamed) ? listed.filter(isNamed) : undefined;
  return token_ids.map((one, place) => ({
    logprob: listed?.[place]?.logprob ?? 0,
    alternatives: listed?.[place]?.alternatives ?? [],
    id: one,
  }));
}

type ListedToken = Omit<NamedToken, "id"> & { id: number | undefined };

function isNamed(token: ListedToken): token is NamedToken {
  return token.id !== undefined;
}

function listedTokens(logprobs: NonNullable<Choice["logprobs"]>): ListedToken[] {
  if ("content" in logprobs) {
    return logprobs.content.map((token) => ({
      id: token.id,
      logprob: token.logprob ?? 0,
      alternatives: (token.top_logprobs ?? []).flatMap((top) => alternative(top.id, top.logprob)),
    }));
  }
  return logprobs.tokens.map((token, place) => ({
    id: readId(token),
    logprob: logprobs.token_logprobs[place] ?? 0,
    alternatives: Object.entries(logprobs.top_logprobs?.[place] ?? {})
      .flatMap(([other, value]) => alternative(readId(other), value))
      .sort((a, b) => b.logprob - a.logprob),
  }));
}

function alternative(one: number | undefined, value: number | null | undefined) {
  return one === undefined || typeof value !== "number" ? [] : [{ id: one, logprob: value }];
}

function readId(token: string): number | undefined {
  const digits = /^token_id:(\d{1,9})$/.exec(token)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function broken(what: string, cause?: unknown): RemoteFailure {
  return new RemoteFailure("broken", `The engine's server ${what}.`, { cause });
}

/** Which fields were wrong, without what stood in them. */
function withoutContent({ issues }: z.ZodError): Error {
  return new Error(issues.map(({ path, code }) => `${path.join(".")}: ${code}`).join(", "));
}
