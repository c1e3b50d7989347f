import { ModelRefusedError } from "./refusal.ts";

/** The largest whole number that a quantised weight takes; its negative is the smallest. */
const largestLevel = 127;

/** What one level is worth where no value is further from 0 than `largest`; never 0. */
export function levelOf(largest: number, name: string): number {
  const level = Math.fround(largest / largestLevel);
  // Among numbers that small quotients are coarse; their values are as good as 0.
  if (level < 2 ** -120) return 1;
  if (Number.isFinite(level)) return level;
  throw new ModelRefusedError(
    `model.safetensors, tensor ${name}`,
    "its values are too large to be quantised.",
    "Import the model with --precision fp32.",
  );
}

/** The gain and the shift of a LayerNorm, taken into the linear layer after it; both [inputs]. */
export interface Fold {
  gain: Float32Array;
  shift: Float32Array;
}

/** W' = diag(gain)·W in place, for rows [inputs, outputs] of W from `firstRow` on. */
export function scaleRows(
  values: Float32Array,
  firstRow: number,
  outputs: number,
  gain: Float32Array,
): void {
  for (let row = 0, at = 0; at < values.length; row++) {
    const factor = gain[firstRow + row] ?? 0;
    for (const end = at + outputs; at < end; at++) values[at] = factor * (values[at] ?? 0);
  }
}

/** Adds shift·W to a bias [outputs], for rows [inputs, outputs] of W from `firstRow` on. */
export function addShiftedRows(
  bias: Float64Array,
  values: Float32Array,
  firstRow: number,
  shift: Float32Array,
): void {
  const outputs = bias.length;
  for (let row = 0, at = 0; at < values.length; row++) {
    const factor = shift[firstRow + row] ?? 0;
    for (let output = 0; output < outputs; output++, at++) {
      bias[output] = (bias[output] ?? 0) + factor * (values[at] ?? 0);
    }
  }
}

/** Keeps in `largest` [outputs] how far each column's values go from 0. */
export function widenColumns(largest: Float32Array, values: Float32Array): void {
  const outputs = largest.length;
  for (let at = 0; at < values.length; ) {
    for (let output = 0; output < outputs; output++, at++) {
      const size = Math.abs(values[at] ?? 0);
      if (size > (largest[output] ?? 0)) largest[output] = size;
    }
  }
}

/** How far `count` values go from 0, each `stride` after the one before. */
export function largestOf(values: Float32Array, start: number, count: number, stride = 1): number {
  let largest = 0;
  for (let i = 0, at = start; i < count; i++, at += stride) {
    const size = Math.abs(values[at] ?? 0);
    if (size > largest) largest = size;
  }
  return largest;
}
