import type { Sampling } from "#shared/sampling.ts";
import type { EngineKind, RemoteEngineSettings } from "../../config/engines-file.ts";
import type { GenerationRequest } from "../engine.ts";

/** What one request asks for. */
export interface Wish {
  /** Token ids or text. */
  prompt: readonly number[] | string;
  sampling: Sampling;
  /** Index in the run of the first token that it draws. */
  firstIndex: number;
  maxTokens: number;
  /** Set where the text may not end yet: the token that is not to be drawn. */
  bannedEnd: number | undefined;
  alternatives: number;
  /** Token ids that penalties see besides the prompt, and sequences that are never completed. */
  beside: Pick<GenerationRequest, "history" | "written" | "bannedSequences">;
}

/** Sampling fields by which a run can be steered. */
type Knob = keyof Sampling;

/** Knobs that each kind of server has, under the names that its documentation gives them. */
const knobs: { readonly [kind in EngineKind]: { readonly [knob in Knob]?: string } } = {
  // docs.vllm.ai, OpenAI-compatible server: sampling parameters of completions.
  vllm: {
    topK: "top_k",
    minP: "min_p",
    repetitionPenalty: "repetition_penalty",
    frequencyPenalty: "frequency_penalty",
    presencePenalty: "presence_penalty",
  },
  // llama.cpp, tools/server/README.md: POST /completion, whose fields /v1/completions takes too.
  "llama.cpp": {
    topK: "top_k",
    minP: "min_p",
    typicalP: "typical_p",
    repetitionPenalty: "repeat_penalty",
    frequencyPenalty: "frequency_penalty",
    presencePenalty: "presence_penalty",
  },
  // text-generation-inference, router: CompletionRequest.
  tgi: { repetitionPenalty: "repetition_penalty", frequencyPenalty: "frequency_penalty" },
  openai: { frequencyPenalty: "frequency_penalty", presencePenalty: "presence_penalty" },
  palimpsest: {
    topK: "top_k",
    minP: "min_p",
    typicalP: "typical_p",
    repetitionPenalty: "repetition_penalty",
    noRepeatNgramSize: "no_repeat_ngram_size",
    frequencyPenalty: "frequency_penalty",
    presencePenalty: "presence_penalty",
  },
};

/** What leaves the distribution as it is. */
const off: { readonly [knob in Knob]?: Sampling[knob] } = {
  topK: 0,
  minP: 0,
  typicalP: 1,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
};

/** The body of a completion request in the server's own words. */
export function writeRequest(
  { kind, remoteModel }: RemoteEngineSettings,
  wish: Wish,
): Record<string, unknown> {
  const { sampling } = wish;
  return {
    model: remoteModel,
    prompt: wish.prompt,
    max_tokens: wish.maxTokens,
    stream: true,
    temperature: isGreedy(sampling) ? temperatureOfGreedy(kind) : sampling.temperature,
    ...(isGreedy(sampling) ? {} : { top_p: topPOf(kind, sampling.topP) }),
    ...seedOf(kind, wish),
    ...namedKnobs(kind, sampling),
    ...biasOf(kind, wish),
    ...asksForTokens(kind, wish.alternatives),
    ...(kind === "palimpsest" ? besidePrompt(wish.beside) : {}),
  };
}

/** Which of the knobs that are set have no name there, so that they change nothing. */
export function unheardKnobs(kind: EngineKind, sampling: Sampling): Knob[] {
  const known = knobs[kind];
  const unheard = (Object.keys(off) as Knob[]).filter(
    // The keys of `off` are its own.
    (knob) => known[knob] === undefined && sampling[knob] !== off[knob],
  );
  if (kind !== "palimpsest" && sampling.bannedWords.length > 0) unheard.push("bannedWords");
  if (kind === "tgi" && Object.keys(sampling.logitBias).length > 0) unheard.push("logitBias");
  if (sampling.strategy === "beams") unheard.push("beams");
  return unheard;
}

function isGreedy({ strategy, temperature }: Sampling): boolean {
  // Beams need the whole distribution; the best single text is what comes nearest.
  return strategy !== "sample" || temperature === 0;
}

/** TGI takes greedy decoding from an absent temperature, and refuses 0. */
function temperatureOfGreedy(kind: EngineKind): number | undefined {
  return kind === "tgi" ? undefined : 0;
}

/** TGI refuses a top-p of 1. */
function topPOf(kind: EngineKind, topP: number): number | undefined {
  return kind === "tgi" && topP === 1 ? undefined : topP;
}

/**
 * A Palimpsest draws token i from (seed, i), as this one does. Others begin their own sequence of random
 * numbers at each request, so that each request of a run gets a seed of its own.
 */
function seedOf(kind: EngineKind, { sampling, firstIndex }: Wish): Record<string, number> {
  if (kind === "palimpsest") return { seed: sampling.seed, first_index: firstIndex };
  // The largest unsigned number means "random" to llama.cpp.
  const mixed = (sampling.seed ^ Math.imul(firstIndex, 0x9e3779b1)) >>> 0;
  return { seed: Math.min(mixed, 0xfffffffe) };
}

function namedKnobs(kind: EngineKind, sampling: Sampling): Record<string, unknown> {
  const fields = Object.entries(knobs[kind]).map(([knob, field]) => {
    // The table's keys are knobs.
    return [field, sampling[knob as Knob]] as const;
  });
  const own = kind === "llama.cpp" ? { repeat_last_n: -1, cache_prompt: true } : {};
  return { ...Object.fromEntries(fields), ...own };
}

function biasOf(kind: EngineKind, { sampling, bannedEnd }: Wish): Record<string, unknown> {
  if (kind === "tgi") return {};
  const bias = { ...sampling.logitBias, ...(bannedEnd === undefined ? {} : { [bannedEnd]: -100 }) };
  return Object.keys(bias).length > 0 ? { logit_bias: bias } : {};
}

function besidePrompt({ history, written, bannedSequences }: Wish["beside"]) {
  return {
    ...(history?.length ? { history } : {}),
    ...(written?.length ? { written } : {}),
    ...(bannedSequences?.length ? { banned_sequences: bannedSequences } : {}),
  };
}

/** Ids of the drawn tokens, and how likely they were. */
function asksForTokens(kind: EngineKind, alternatives: number): Record<string, unknown> {
  switch (kind) {
    case "vllm":
    case "palimpsest":
      return { logprobs: alternatives, return_tokens_as_token_ids: true, return_token_ids: true };
    case "llama.cpp":
      // With 0 it tells no tokens at all.
      return { logprobs: Math.max(1, alternatives) };
    case "openai":
      return { logprobs: Math.min(5, alternatives) };
    case "tgi":
      return {};
    default:
      return kind satisfies never;
  }
}
