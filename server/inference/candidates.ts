/** A token that may be drawn. */
export interface Candidate {
  id: number;
  logit: number;
}
export type Candidates = readonly Candidate[];

/** All tokens that are not banned and whose logit is at least the k-th highest (ties stay); 0 is all. */
export function topK(logits: Float32Array, k: number): Candidates {
  const threshold = k === 0 || k >= logits.length ? -Infinity : kthHighest(logits, k);
  const kept: Candidate[] = [];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity;
    if (logit >= threshold && logit !== -Infinity) kept.push({ id, logit });
  }
  return kept;
}

/**
 * The likeliest candidates up to and with the one that brings their probability to at least p; of
 * equally likely ones the lower ids.
 */
export function topP(candidates: Candidates, p: number): Candidates {
  if (p >= 1) return candidates;
  const weights = weigh(candidates);
  const total = sum(weights);
  // Lighter ones hold less than 1 − p together, so all that is wanted is among the others: few.
  const lightest = ((1 - p) * total) / candidates.length;
  const likeliest = candidates
    .map((candidate, i) => ({ candidate, weight: weights[i] ?? 0 }))
    .filter(({ weight }) => weight >= lightest)
    .sort((a, b) => b.weight - a.weight || a.candidate.id - b.candidate.id);
  let mass = 0;
  const last = likeliest.findIndex(({ weight }) => (mass += weight) >= p * total);
  const kept = last === -1 ? likeliest : likeliest.slice(0, last + 1);
  return kept.map(({ candidate }) => candidate);
}

/** Candidates at least `ratio` times as likely as the likeliest. */
export function minP(candidates: Candidates, ratio: number): Candidates {
  if (ratio === 0) return candidates;
  const weights = weigh(candidates);
  return candidates.filter((_, i) => (weights[i] ?? 0) >= ratio);
}

/** The candidate in whose share of the probability the point u of [0, 1) lies. */
export function pick(candidates: Candidates, u: number): number | undefined {
  const weights = weigh(candidates);
  const point = u * sum(weights);
  let mass = 0;
  const index = weights.findIndex((weight) => (mass += weight) > point);
  return candidates.at(index)?.id;
}

/** Probabilities relative to the likeliest candidate's. */
function weigh(candidates: Candidates): number[] {
  const highest = candidates.reduce((most, { logit }) => Math.max(most, logit), -Infinity);
  return candidates.map(({ logit }) => Math.exp(logit - highest));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The k-th highest value, by a heap of the k highest with the lowest of them at its root. */
function kthHighest(values: Float32Array, k: number): number {
  const heap = values.slice(0, k).sort();
  for (let i = k; i < values.length; i++) {
    const value = values[i] ?? -Infinity;
    if (value > (heap[0] ?? -Infinity)) replaceRoot(heap, value);
  }
  return heap[0] ?? -Infinity;
}

function replaceRoot(heap: Float32Array, value: number): void {
  let place = 0;
  for (;;) {
    const left = 2 * place + 1;
    if (left >= heap.length) break;
    const right = left + 1;
    const lower = right < heap.length && (heap[right] ?? 0) < (heap[left] ?? 0) ? right : left;
    const child = heap[lower] ?? Infinity;
    if (child >= value) break;
    heap[place] = child;
    place = lower;
  }
  heap[place] = value;
}
