const stepsPerDoubling = 1024;
/** Weights below 2^−60 of the likeliest's are nothing beside it. */
const mostHalvings = 60;
const fractions = Float64Array.from({ length: stepsPerDoubling }, (_, i) => 2 ** (i / 1024));
const powers = Float64Array.from({ length: mostHalvings + 1 }, (_, i) => 2 ** (i - mostHalvings));

/**
 * Σ exp(value − highest) to a relative 1e-10, `highest` being the highest value: a table's power of
 * two times the second-order series of what is left. A third of the time of Math.exp.
 */
export function sumOfExponentials(values: Float32Array, highest: number): number {
  const scale = Math.LOG2E * stepsPerDoubling;
  const unit = Math.LN2 / stepsPerDoubling;
  const lowest = -mostHalvings * stepsPerDoubling;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const steps = ((values[i] ?? 0) - highest) * scale;
    if (!(steps > lowest)) continue;
    const whole = Math.floor(steps);
    const rest = (steps - whole) * unit;
    const power = powers[(whole >> 10) + mostHalvings] ?? 0;
    const fraction = fractions[whole & 1023] ?? 0;
    sum += power * fraction * (1 + rest * (1 + rest * 0.5));
  }
  return sum;
}
