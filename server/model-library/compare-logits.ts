/**
 * The Kullback-Leibler divergence KL(P‖Q) in nats of the distributions that two arrays of logits
 * stand for: Σ P(i)·(ln P(i) − ln Q(i)). Not a number where a logit is not finite.
 */
export function divergence(p: Float32Array, q: Float32Array): number {
  const highestP = p[indexOfLargest(p)] ?? 0;
  const highestQ = q[indexOfLargest(q)] ?? 0;
  let totalP = 0;
  let totalQ = 0;
  let difference = 0;
  for (let i = 0; i < p.length; i++) {
    const logitP = p[i] ?? 0;
    const logitQ = q[i] ?? 0;
    const weight = Math.exp(logitP - highestP);
    totalP += weight;
    totalQ += Math.exp(logitQ - highestQ);
    difference += weight * (logitP - logitQ);
  }
  const normalP = Math.log(totalP) + highestP;
  const normalQ = Math.log(totalQ) + highestQ;
  // Rounding may leave a hair below 0.
  const sum = difference / totalP - normalP + normalQ;
  return sum < 0 ? 0 : sum;
}

/** Where the largest value stands; the first of several. */
export function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}

/** The natural logarithm of the probability that logits give to one of their entries. */
export function logProbability(logits: Float32Array, id: number): number {
  const highest = logits[indexOfLargest(logits)] ?? 0;
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - highest);
  return (logits[id] ?? Number.NaN) - highest - Math.log(total);
}
