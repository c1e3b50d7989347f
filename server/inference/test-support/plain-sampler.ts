import type { Sampling } from "#shared/sampling.ts";
import { uniform } from "../random.ts";

interface Candidate {
  id: number;
  logit: number;
}

/** One draw as it reads on paper: objects, full sorts and Math.exp; the order of Hugging Face's. */
export function plainDraw(
  modelLogits: Float32Array,
  context: { seen: readonly number[]; sampling: Sampling; index: number },
): { id: number; logprob: number } {
  const { sampling, index, seen } = context;
  const { temperature, repetitionPenalty } = sampling;
  const penalised = Float32Array.from(modelLogits, (logit, id) =>
    seen.includes(id) ? (logit < 0 ? logit * repetitionPenalty : logit / repetitionPenalty) : logit,
  );
  const logits = penalised.map((logit) => logit / temperature);
  let left = [...logits]
    .map((logit, id) => ({ id, logit }))
    .filter(({ logit }) => logit !== -Infinity);
  const kth = left.toSorted(byLogit)[sampling.topK - 1];
  if (kth !== undefined) left = left.filter(({ logit }) => logit >= kth.logit);
  if (sampling.topP < 1) left = untilMass(left, sampling.topP);
  const most = Math.max(...left.map(({ logit }) => logit));
  left = left.filter(({ logit }) => Math.exp(logit - most) >= sampling.minP);
  const id = pickPlainly(left, uniform(sampling.seed, index));
  const sum = [...logits].reduce((total, logit) => total + Math.exp(logit - most), 0);
  return { id, logprob: (logits[id] ?? 0) - most - Math.log(sum) };
}

function byLogit(a: Candidate, b: Candidate): number {
  return b.logit - a.logit || a.id - b.id;
}

function untilMass(candidates: Candidate[], p: number): Candidate[] {
  const weights = weigh(candidates);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sorted = candidates.toSorted(byLogit);
  let mass = 0;
  const last = weigh(sorted).findIndex((weight) => (mass += weight) >= p * total);
  return last === -1 ? sorted : sorted.slice(0, last + 1);
}

function pickPlainly(candidates: Candidate[], u: number): number {
  const weights = weigh(candidates);
  const point = u * weights.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  const index = weights.findIndex((weight) => (mass += weight) > point);
  return candidates.at(index)?.id ?? -1;
}

function weigh(candidates: Candidate[]): number[] {
  const most = Math.max(...candidates.map(({ logit }) => logit));
  return candidates.map(({ logit }) => Math.exp(logit - most));
}
