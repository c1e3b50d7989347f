/**
 * Changes to one position's logits, in the formulas of Hugging Face's logits processors
 * (transformers, generation/logits_process.py). Each works in place; −Infinity bans a token.
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

export function ban(logits: Float32Array, ids: Iterable<number>): void {
  for (const id of ids) logits[id] = -Infinity;
}

export function divideByTemperature(logits: Float32Array, temperature: number): void {
  for (let id = 0; id < logits.length; id++) logits[id] = (logits[id] ?? 0) / temperature;
}

/** log Σ exp(logit), the normaliser that turns logits into log-probabilities. */
export function logSumExp(logits: Float32Array): number {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  if (highest === -Infinity) return -Infinity;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return highest + Math.log(sum);
}

/** The token with the highest logit, the lowest id among equals; undefined when all are banned. */
export function best(logits: Float32Array): number | undefined {
  let bestId: number | undefined;
  let highest = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity;
    if (logit > highest) {
      highest = logit;
      bestId = id;
    }
  }
  return bestId;
}
