import { massThreshold } from "./mass-threshold.ts";
import { takeInOrder } from "./take-in-order.ts";

/** Tokens that may be drawn, by place. */
export interface Candidates {
  readonly ids: Int32Array;
  /** Probabilities relative to the likeliest token's. */
  readonly weights: Float64Array;
}

/** All tokens that are not banned and whose logit is at least the k-th highest (ties stay); 0 is all. */
export function topK(logits: Float32Array, k: number): Candidates {
  const ids = k === 0 || k >= logits.length ? idsOf(logits) : idsOfHighest(logits, k);
  return { ids, weights: weigh(logits, ids) };
}

/**
 * The likeliest candidates up to and with the one that brings their probability to at least p; of
 * equally likely ones the lower ids.
 */
export function topP(candidates: Candidates, p: number): Candidates {
  if (p >= 1) return candidates;
  const { weights } = candidates;
  const total = sum(weights);
  // Lighter ones hold less than 1 − p together, so all that is wanted is among the others: few.
  const lightest = ((1 - p) * total) / weights.length;
  const likely = placesWhere(weights, (weight) => weight >= lightest);
  let mass = 0;
  const kept = takeInOrder(likely, weights, (place) => (mass += weights[place] ?? 0) < p * total);
  return select(candidates, kept);
}

/** Candidates at least `ratio` times as likely as the likeliest. */
export function minP(candidates: Candidates, ratio: number): Candidates {
  if (ratio === 0) return candidates;
  const { weights } = candidates;
  return select(
    candidates,
    placesWhere(weights, (weight) => weight >= ratio),
  );
}

/**
 * The candidates whose surprise −log p is nearest to the surprise expected of a draw, up to and with
 * the one that brings their probability to at least `mass`; equally near ones stay (Meister 2022).
 */
export function typicalP(candidates: Candidates, mass: number): Candidates {
  if (mass >= 1) return candidates;
  const { weights } = candidates;
  const total = sum(weights);
  const nearness = nearnessToTypical(weights, total);
  const farthest = massThreshold(nearness, weights, mass * total);
  return select(
    candidates,
    placesWhere(nearness, (near) => near >= farthest),
  );
}

/** The candidate in whose share of the probability the point u of [0, 1) lies. */
export function pick({ ids, weights }: Candidates, u: number): number | undefined {
  const point = u * sum(weights);
  let mass = 0;
  for (let place = 0; place < ids.length; place++) {
    mass += weights[place] ?? 0;
    if (mass > point) return ids[place];
  }
  return ids.at(-1);
}

/** The ids of the `count` highest logits that are not banned, highest first, of equals the lower id. */
export function likeliest(logits: Float32Array, count: number): Int32Array {
  if (count === 0) return new Int32Array();
  const ids = count >= logits.length ? idsOf(logits) : idsOfHighest(logits, count);
  return ids.sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b).subarray(0, count);
}

/** For each weight −|−log p − entropy|: how near a token's surprise is to the expected one. */
function nearnessToTypical(weights: Float64Array, total: number): Float64Array {
  const nearness = new Float64Array(weights.length);
  let entropy = 0;
  for (let place = 0; place < weights.length; place++) {
    const probability = (weights[place] ?? 0) / total;
    const surprise = -Math.log(probability);
    nearness[place] = surprise;
    if (probability > 0) entropy += probability * surprise;
  }
  for (let place = 0; place < weights.length; place++) {
    nearness[place] = -Math.abs((nearness[place] ?? 0) - entropy);
  }
  return nearness;
}

/** The ids of all that is not banned, ascending. */
function idsOf(logits: Float32Array): Int32Array {
  const ids = new Int32Array(logits.length);
  let count = 0;
  for (let id = 0; id < logits.length; id++) {
    if ((logits[id] ?? -Infinity) > -Infinity) ids[count++] = id;
  }
  return ids.subarray(0, count);
}

/**
 * The ids of all that reaches the k-th highest and is not banned, ascending, in one pass: a heap of
 * the k highest has the lowest of them at its root, and what does not reach that never will.
 */
function idsOfHighest(logits: Float32Array, k: number): Int32Array {
  const heap = new Float32Array(k).fill(-Infinity);
  const near: number[] = [];
  let root = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity;
    if (!(logit >= root) || logit === -Infinity) continue;
    near.push(id);
    if (logit === root) continue;
    replaceRoot(heap, logit);
    root = heap[0] ?? -Infinity;
  }
  return Int32Array.from(near.filter((id) => (logits[id] ?? -Infinity) >= root));
}

function weigh(logits: Float32Array, ids: Int32Array): Float64Array {
  const weights = new Float64Array(ids.length);
  for (let place = 0; place < ids.length; place++) weights[place] = logits[ids[place] ?? 0] ?? 0;
  let highest = -Infinity;
  for (let place = 0; place < weights.length; place++) {
    const logit = weights[place] ?? -Infinity;
    if (logit > highest) highest = logit;
  }
  for (let place = 0; place < weights.length; place++) {
    weights[place] = Math.exp((weights[place] ?? 0) - highest);
  }
  return weights;
}

function placesWhere(values: Float64Array, isWanted: (value: number) => boolean): Int32Array {
  const places = new Int32Array(values.length);
  let count = 0;
  for (let place = 0; place < values.length; place++) {
    if (isWanted(values[place] ?? 0)) places[count++] = place;
  }
  return places.slice(0, count);
}

function select({ ids, weights }: Candidates, places: Int32Array): Candidates {
  const kept = { ids: new Int32Array(places.length), weights: new Float64Array(places.length) };
  for (let at = 0; at < places.length; at++) {
    const place = places[at] ?? 0;
    kept.ids[at] = ids[place] ?? 0;
    kept.weights[at] = weights[place] ?? 0;
  }
  return kept;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let place = 0; place < values.length; place++) total += values[place] ?? 0;
  return total;
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
