import { sumOfExponentials } from "./exponential.ts";

/**
 * Changes to one position's logits, in the formulas of Hugging Face's logits processors
 * (transformers, generation/logits_process.py) where these have them. Each works in place;
 * −Infinity bans a token, and ids outside the vocabulary are passed over.
 */

/** Divides positive and multiplies negative logits of every token seen before (CTRL, Keskar 2019). */
export function penaliseRepetition(
  logits: Float32Array,
  seen: Iterable<number>,
  penalty: number,
): void {
  if (penalty === 1) return;
  for (const id of seen) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit < 0 ? logit * penalty : logit / penalty;
  }
}

/**
 * Takes from each token that was written `frequency` for each time and `presence` once (OpenAI's
 * formula: μ − c · frequency − [c > 0] · presence).
 */
export function penaliseFrequency(
  logits: Float32Array,
  counts: Iterable<readonly [id: number, count: number]>,
  { frequency, presence }: { frequency: number; presence: number },
): void {
  if (frequency === 0 && presence === 0) return;
  for (const [id, count] of counts) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit - count * frequency - presence;
  }
}

/** Adds each token's bias. */
export function addBias(logits: Float32Array, biases: { readonly [id: string]: number }): void {
  for (const key in biases) {
    const id = Number(key);
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit + (biases[key] ?? 0);
  }
}

export function ban(logits: Float32Array, ids: Iterable<number>): void {
  for (const id of ids) if (id < logits.length) logits[id] = -Infinity;
}

/** Gives the highest logit after it; −Infinity where all are banned. */
export function divideByTemperature(logits: Float32Array, temperature: number): number {
  let highest = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = (logits[id] ?? 0) / temperature;
    logits[id] = logit;
    if (logit > highest) highest = logit;
  }
  // As the array holds it.
  return Math.fround(highest);
}

/** Turns logits into natural logarithms of probabilities. */
export function logSoftmax(logits: Float32Array): void {
  const normaliser = logSumExp(logits);
  if (normaliser === -Infinity) return;
  for (let id = 0; id < logits.length; id++) logits[id] = (logits[id] ?? 0) - normaliser;
}

/**
 * log Σ exp(logit), the normaliser that turns logits into log-probabilities, to 1e-9; `highest` is
 * the highest logit where it is known already.
 */
export function logSumExp(logits: Float32Array, highest = highestOf(logits)): number {
  if (highest === -Infinity) return -Infinity;
  return highest + Math.log(sumOfExponentials(logits, highest));
}

/** −Infinity where all are banned. */
export function highestOf(logits: Float32Array): number {
  let highest = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity;
    if (logit > highest) highest = logit;
  }
  return highest;
}

/** The lowest id whose logit is `highest`, the highest of all; undefined when all are banned. */
export function best(logits: Float32Array, highest = highestOf(logits)): number | undefined {
  if (highest === -Infinity) return undefined;
  const id = logits.indexOf(highest);
  return id === -1 ? undefined : id;
}
