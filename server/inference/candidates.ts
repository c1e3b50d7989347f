/** A token that may be drawn and its probability relative to the others that may. */
export interface Candidate {
  id: number;
  logit: number;
}

/** Candidates in falling order of logit; equal logits in rising order of id. */
export type Candidates = readonly Candidate[];

const before = (a: Candidate, b: Candidate) => b.logit - a.logit || a.id - b.id;

/** All tokens that are not banned and whose logit is at least the k-th highest (ties stay); 0 is all. */
export function topK(logits: Float32Array, k: number): Candidates {
  const threshold = k === 0 || k >= logits.length ? -Infinity : kthHighest(logits, k);
  const kept: Candidate[] = [];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity;
    if (logit >= threshold && logit !== -Infinity) kept.push({ id, logit });
  }
  return kept.sort(before);
}

/** The likeliest candidates up to and with the one that brings their probability to at least p. */
export function topP(candidates: Candidates, p: number): Candidates {
  if (p >= 1) return candidates;
  const weights = weigh(candidates);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  const count = weights.findIndex((weight) => (mass += weight) >= p * total);
  return count === -1 ? candidates : candidates.slice(0, count + 1);
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
  const point = u * weights.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  const index = weights.findIndex((weight) => (mass += weight) > point);
  return candidates.at(index)?.id;
}

/** Probabilities relative to the first, likeliest candidate. */
function weigh(candidates: Candidates): number[] {
  const highest = candidates[0]?.logit ?? 0;
  return candidates.map(({ logit }) => Math.exp(logit - highest));
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
