import { blockSize, zeroPoint } from "./precision.ts";
import { addShiftedRows, type Fold, largestOf, levelOf, scaleRows } from "./quantisation.ts";
import { foldRow } from "./quantise-channels.ts";
import type { TensorReader } from "./tensor-reader.ts";
import type { QuantisedLinear, WeightJob } from "./weight-jobs.ts";
import type { WeightsFile } from "./weights-file.ts";

/**
 * Writes a linear layer [inputs, outputs] as [outputs, blocks, 32] with one scale for each block.
 * It is turned in memory: a quarter of the tensor's size.
 */
export async function quantiseLinearBlocks(
  reader: TensorReader,
  file: WeightsFile,
  name: string,
  fold: Fold | undefined,
  [values, scales, bias]: QuantisedLinear,
): Promise<void> {
  const weight = `${name}.weight`;
  const shifted = Float64Array.from(await reader.whole(`${name}.bias`));
  const [outputs = 0, blocks = 0] = values.shape;
  const levels = new Uint8Array(outputs * blocks * blockSize).fill(zeroPoint);
  const worth = new Float32Array(outputs * blocks);
  for await (const { values: rows, firstRow, rows: count } of reader.slices(weight, blockSize)) {
    if (fold !== undefined) {
      addShiftedRows(shifted, rows, firstRow, fold.shift);
      scaleRows(rows, firstRow, outputs, fold.gain);
    }
    for (let row = 0; row < count; row += blockSize) {
      const length = Math.min(blockSize, count - row);
      for (let output = 0; output < outputs; output++) {
        const block = output * blocks + (firstRow + row) / blockSize;
        const from = { start: row * outputs + output, stride: outputs, length };
        worth[block] = quantiseBlock(rows, from, levels, block * blockSize, weight);
      }
    }
  }
  await file.add(values, levels);
  await file.add(scales, worth);
  await file.add(bias, Float32Array.from(shifted));
}

/** Writes the projection to the vocabulary, from a tensor [vocabulary, width]. */
export async function quantiseHeadBlocks(
  reader: TensorReader,
  file: WeightsFile,
  from: string,
  fold: Fold,
  [values, scales, bias]: QuantisedLinear,
): Promise<void> {
  const shifted = new Float32Array(values.shape[0] ?? 0);
  const takeIn = (rows: Float32Array, start: number, entry: number) => {
    shifted[entry] = foldRow(rows, start, fold).shift;
  };
  const worth = new Float32Array(scales.shape.reduce((product, size) => product * size, 1));
  const width = fold.gain.length;
  await file.add(values, quantiseEntries(reader, from, { width, padded: true, worth, takeIn }));
  await file.add(scales, worth);
  await file.add(bias, shifted);
}

/** Writes the token embedding [vocabulary, width] with one scale for each block of an entry. */
export async function quantiseEmbedding(
  reader: TensorReader,
  file: WeightsFile,
  { outputs: [values, scales] }: Extract<WeightJob, { kind: "embedding" }>,
): Promise<void> {
  const worth = new Float32Array(scales.shape.reduce((product, size) => product * size, 1));
  const width = values.shape[1] ?? 0;
  const options = { width, padded: false, worth, takeIn: () => {} };
  await file.add(values, quantiseEntries(reader, "wte.weight", options));
  await file.add(scales, worth);
}

interface EntryOptions {
  width: number;
  /** Whether the last block of an entry is as long as the others. */
  padded: boolean;
  /** Takes the scales [entries, blocks]. */
  worth: Float32Array;
  /** Changes an entry's values, from `start` on, before they are quantised. */
  takeIn: (values: Float32Array, start: number, entry: number) => void;
}

async function* quantiseEntries(
  reader: TensorReader,
  name: string,
  { width, padded, worth, takeIn }: EntryOptions,
): AsyncGenerator<Uint8Array> {
  const blocks = Math.ceil(width / blockSize);
  const stored = padded ? blocks * blockSize : width;
  for await (const { values, firstRow, rows } of reader.slices(name)) {
    const levels = new Uint8Array(rows * stored).fill(zeroPoint);
    for (let row = 0; row < rows; row++) {
      takeIn(values, row * width, firstRow + row);
      for (let block = 0; block < blocks; block++) {
        const length = Math.min(blockSize, width - block * blockSize);
        const from = { start: row * width + block * blockSize, stride: 1, length };
        const to = row * stored + block * blockSize;
        worth[(firstRow + row) * blocks + block] = quantiseBlock(values, from, levels, to, name);
      }
    }
    yield levels;
  }
}

/** Quantises one block into `levels` from `to` on and returns what a level is worth. */
function quantiseBlock(
  values: Float32Array,
  { start, stride, length }: { start: number; stride: number; length: number },
  levels: Uint8Array,
  to: number,
  name: string,
): number {
  const level = levelOf(largestOf(values, start, length, stride), name);
  for (let i = 0; i < length; i++) {
    levels[to + i] = zeroPoint + Math.round((values[start + i * stride] ?? 0) / level);
  }
  return level;
}
