import type { Sampling } from "#shared/sampling.ts";
import { completingTokens } from "./banned-sequences.ts";
import { type Candidates, likeliest, minP, pick, topK, topP, typicalP } from "./candidates.ts";
import type { TokenAlternative } from "./engine.ts";
import {
  addBias,
  ban,
  best,
  divideByTemperature,
  highestOf,
  logSoftmax,
  logSumExp,
  penaliseFrequency,
  penaliseRepetition,
} from "./logits-processors.ts";
import { NothingAllowedError } from "./nothing-allowed.ts";
import { uniform } from "./random.ts";
import type { TokenHistory } from "./token-history.ts";

export interface DrawInput {
  /** The model's logits for the next position; left as they are. */
  logits: Float32Array;
  history: TokenHistory;
  sampling: Sampling;
  /** Index of the draw in the run. */
  index: number;
  endOfTextId: number;
  /** Token sequences that are never completed. */
  bannedSequences?: readonly (readonly number[])[];
  /** How many of the likeliest tokens to tell beside the drawn one; none by default. */
  alternatives?: number;
  /** Where the changed logits are put, as long as the logits; a new array by default. */
  into?: Float32Array;
}

export interface Draw {
  id: number;
  /** Natural logarithm of its probability after penalties and temperature, before truncation. */
  logprob: number;
  /** The likeliest tokens on the same measure, most likely first; only where they were asked for. */
  alternatives?: readonly TokenAlternative[];
}

/**
 * Draws the next token: penalties → repeated n-grams → bias → banned words → temperature → top-k →
 * top-p → min-p → typical-p → draw. Where the n-grams leave nothing they do not count; throws where
 * there is still nothing.
 */
export function draw(input: DrawInput): Draw {
  const { sampling, index, alternatives = 0 } = input;
  const logits = copied(input);
  process(logits, input);
  const greedy = sampling.strategy !== "sample" || sampling.temperature === 0;
  const highest = divideByTemperature(logits, greedy ? 1 : sampling.temperature);
  const id = greedy
    ? best(logits, highest)
    : pick(truncate(logits, sampling), uniform(sampling.seed, index));
  if (id === undefined) return drawDespiteRepetition(input);

  const normaliser = logSumExp(logits, highest);
  const told = (one: number) => ({ id: one, logprob: (logits[one] ?? 0) - normaliser });
  if (alternatives === 0) return told(id);
  return { ...told(id), alternatives: Array.from(likeliest(logits, alternatives), told) };
}

/**
 * The scores of the tokens that may follow a beam's text: the logarithms of the model's
 * probabilities, then penalties and bans; neither temperature nor truncation, and what is left is
 * not made to add up to 1 again (Hugging Face's beam search). `index` is that of the next token.
 */
export function scoreBeam(input: Omit<DrawInput, "alternatives">): Float32Array {
  const scores = copied(input);
  logSoftmax(scores);
  process(scores, input);
  return scores;
}

function copied({ logits, into }: Pick<DrawInput, "logits" | "into">): Float32Array {
  if (into === undefined) return logits.slice();
  into.set(logits);
  return into;
}

/** What comes before the temperature, in place. */
function process(logits: Float32Array, input: DrawInput, blocksRepetition = true): void {
  const { history, sampling, index, bannedSequences = [] } = input;
  const { frequencyPenalty: frequency, presencePenalty: presence } = sampling;
  penaliseRepetition(logits, history.seen, sampling.repetitionPenalty);
  penaliseFrequency(logits, history.counts, { frequency, presence });
  if (blocksRepetition) ban(logits, history.repeatingNext());
  addBias(logits, sampling.logitBias);
  ban(logits, completingTokens(bannedSequences, history));
  if (endOfTextIsBanned(sampling, index)) ban(logits, [input.endOfTextId]);
}

function truncate(logits: Float32Array, sampling: Sampling): Candidates {
  const likely = topP(topK(logits, sampling.topK), sampling.topP);
  return typicalP(minP(likely, sampling.minP), sampling.typicalP);
}

/** The best of what n-gram blocking alone forbids. */
function drawDespiteRepetition(input: DrawInput): Draw {
  const logits = copied(input);
  process(logits, input, false);
  const id = best(logits, highestOf(logits));
  if (id === undefined) {
    if (input.logits.some((logit) => Number.isFinite(logit))) throw new NothingAllowedError();
    throw new Error("The model's logits hold no number to choose by.");
  }
  const drawn = { id, logprob: 0 };
  return input.alternatives ? { ...drawn, alternatives: [drawn] } : drawn;
}

/** No end below minTokens, and none at all in a run without maxTokens. */
function endOfTextIsBanned(sampling: Sampling, index: number): boolean {
  return sampling.maxTokens === null || index < sampling.minTokens;
}
