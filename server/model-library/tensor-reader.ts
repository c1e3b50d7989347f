import type { ModelTensor } from "./gpt2-tensors.ts";
import { ModelRefusedError } from "./refusal.ts";
import type { Safetensors } from "./safetensors.ts";

/** Some whole rows of a tensor; `values` is good until the next one is read. */
export interface RowSlice {
  firstRow: number;
  rows: number;
  values: Float32Array;
}

/** Values read at once: enough to keep a disk busy, few enough that others get their turn. */
const sliceValues = 256 * 1024;

/** Reads a model's tensors piece by piece, by their names without prefix; refuses what is no number. */
export class TensorReader {
  readonly #file: Safetensors;
  readonly #tensors: ReadonlyMap<string, ModelTensor>;
  readonly #signal: AbortSignal | undefined;

  /** Reading throws the signal's reason once it is aborted. */
  constructor(file: Safetensors, tensors: readonly ModelTensor[], signal?: AbortSignal) {
    this.#file = file;
    this.#tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.#signal = signal;
  }

  /** All rows in order; each slice but the last has a multiple of `multiple` rows. */
  async *slices(name: string, multiple = 1): AsyncGenerator<RowSlice> {
    const { shape, storedName } = this.#tensor(name);
    const [rows = 0] = shape;
    const rowLength = shape.slice(1).reduce((product, size) => product * size, 1);
    const step = multiple * Math.max(1, Math.floor(sliceValues / rowLength / multiple));
    for (let firstRow = 0; firstRow < rows; firstRow += step) {
      this.#signal?.throwIfAborted();
      const count = Math.min(step, rows - firstRow);
      const first = firstRow * rowLength;
      const values = await this.#file.read(storedName, first, count * rowLength);
      refuseNonFinite(storedName, values, first);
      yield { firstRow, rows: count, values };
    }
  }

  /** A copy of all values of a small tensor. */
  async whole(name: string): Promise<Float32Array> {
    const { shape } = this.#tensor(name);
    const all = new Float32Array(shape.reduce((product, size) => product * size, 1));
    let filled = 0;
    for await (const { values } of this.slices(name)) {
      all.set(values, filled);
      filled += values.length;
    }
    return all;
  }

  #tensor(name: string): ModelTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`There is no tensor ${name} to read.`);
    return tensor;
  }
}

function refuseNonFinite(name: string, values: Float32Array, first: number): void {
  let index = 0;
  // The difference of a number to itself is 0; of infinity or NaN it is NaN.
  while (index < values.length && (values[index] ?? 0) - (values[index] ?? 0) === 0) index++;
  if (index === values.length) return;
  throw new ModelRefusedError(
    `model.safetensors, tensor ${name}`,
    `value ${first + index} is ${values[index]}.`,
    "The model is damaged; get another copy.",
  );
}
