import type { Sampling } from "#shared/sampling.ts";
import { minP, pick, topK, topP } from "./candidates.ts";
import {
  ban,
  best,
  divideByTemperature,
  logSumExp,
  penaliseRepetition,
} from "./logits-processors.ts";
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
}

export interface Draw {
  id: number;
  /** Natural logarithm of its probability after penalties and temperature, before truncation. */
  logprob: number;
}

/** Draws the next token: penalties → bans → temperature → top-k → top-p → min-p → draw. */
export function draw(input: DrawInput): Draw {
  const { history, sampling, index } = input;
  const logits = input.logits.slice();
  const hardBans = endOfTextIsBanned(sampling, index) ? [input.endOfTextId] : [];

  penaliseRepetition(logits, history.seen, sampling.repetitionPenalty);
  ban(logits, hardBans);
  const fallback = best(logits);
  ban(logits, history.repeatingNext());
  const greedy = sampling.strategy === "greedy" || sampling.temperature === 0;
  if (!greedy) divideByTemperature(logits, sampling.temperature);

  const id = greedy
    ? best(logits)
    : pick(truncate(logits, sampling), uniform(sampling.seed, index));
  if (id !== undefined) return { id, logprob: (logits[id] ?? 0) - logSumExp(logits) };
  if (fallback === undefined) throw new Error("The model's logits hold no number to choose by.");
  return { id: fallback, logprob: 0 };
}

function truncate(logits: Float32Array, sampling: Sampling) {
  return minP(topP(topK(logits, sampling.topK), sampling.topP), sampling.minP);
}

/** No end below minTokens, and none at all in a run without maxTokens. */
function endOfTextIsBanned(sampling: Sampling, index: number): boolean {
  return sampling.maxTokens === null || index < sampling.minTokens;
}
