import { addShiftedRows, type Fold, levelOf, scaleRows, widenColumns } from "./quantisation.ts";
import type { TensorReader } from "./tensor-reader.ts";
import type { QuantisedLinear } from "./weight-jobs.ts";
import type { WeightsFile } from "./weights-file.ts";

/** Writes a linear layer [inputs, outputs] as whole numbers with one scale for each output. */
export async function quantiseLinearChannels(
  reader: TensorReader,
  file: WeightsFile,
  name: string,
  fold: Fold | undefined,
  [values, scales, bias]: QuantisedLinear,
): Promise<void> {
  const weight = `${name}.weight`;
  const shifted = Float64Array.from(await reader.whole(`${name}.bias`));
  const largest = new Float32Array(shifted.length);
  for await (const slice of reader.slices(weight)) {
    if (fold !== undefined) {
      addShiftedRows(shifted, slice.values, slice.firstRow, fold.shift);
      scaleRows(slice.values, slice.firstRow, shifted.length, fold.gain);
    }
    widenColumns(largest, slice.values);
  }
  const levels = largest.map((size) => levelOf(size, weight));
  await file.add(values, quantiseRows(reader, weight, fold, levels));
  await file.add(scales, levels);
  await file.add(bias, Float32Array.from(shifted));
}

async function* quantiseRows(
  reader: TensorReader,
  weight: string,
  fold: Fold | undefined,
  levels: Float32Array,
): AsyncGenerator<Int8Array> {
  for await (const { values, firstRow } of reader.slices(weight)) {
    if (fold !== undefined) scaleRows(values, firstRow, levels.length, fold.gain);
    const whole = new Int8Array(values.length);
    for (let at = 0; at < whole.length; ) {
      for (let output = 0; output < levels.length; output++, at++) {
        whole[at] = Math.round((values[at] ?? 0) / (levels[output] ?? 1));
      }
    }
    yield whole;
  }
}

/**
 * Writes the projection to the vocabulary, from a tensor [vocabulary, width], as whole numbers
 * [width, vocabulary] with one scale for each entry. They are turned in memory: a quarter of the
 * tensor's size.
 */
export async function quantiseHeadChannels(
  reader: TensorReader,
  file: WeightsFile,
  from: string,
  fold: Fold,
  [values, scales, bias]: QuantisedLinear,
): Promise<void> {
  const [width = 0, entries = 0] = values.shape;
  const turned = new Int8Array(width * entries);
  const levels = new Float32Array(entries);
  const shifted = new Float32Array(entries);
  for await (const { values: rows, firstRow, rows: count } of reader.slices(from)) {
    for (let row = 0; row < count; row++) {
      const { largest, shift } = foldRow(rows, row * width, fold);
      levels[firstRow + row] = levelOf(largest, from);
      shifted[firstRow + row] = shift;
    }
    // Neighbours in the result are written one after another, which memory likes best.
    for (let input = 0; input < width; input++) {
      const start = input * entries + firstRow;
      for (let row = 0; row < count; row++) {
        const value = rows[row * width + input] ?? 0;
        turned[start + row] = Math.round(value / (levels[firstRow + row] ?? 1));
      }
    }
  }
  await file.add(values, turned);
  await file.add(scales, levels);
  await file.add(bias, shifted);
}

/** One output's weights, folded in place; says how far they go from 0 and what its bias is. */
export function foldRow(
  values: Float32Array,
  start: number,
  { gain, shift }: Fold,
): { largest: number; shift: number } {
  let largest = 0;
  let sum = 0;
  for (let input = 0; input < gain.length; input++) {
    const value = values[start + input] ?? 0;
    sum += (shift[input] ?? 0) * value;
    const folded = Math.fround((gain[input] ?? 0) * value);
    values[start + input] = folded;
    if (Math.abs(folded) > largest) largest = Math.abs(folded);
  }
  return { largest, shift: sum };
}
