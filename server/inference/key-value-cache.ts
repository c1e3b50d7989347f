import type { OnnxRuntime, OnnxTensor } from "./onnx-runtime.ts";

/** The shape of a model's attention memory. */
export interface CacheShape {
  layers: number;
  heads: number;
  headSize: number;
  contextTokens: number;
}

const firstCapacity = 64;

/**
 * The keys and values of one sequence: two arrays [1, heads, capacity, head size] a layer, extended
 * in place by each run. They start small and double, because the ordinary binding copies whole
 * arrays and because most texts are short.
 */
export class KeyValueCache {
  #capacity = 0;
  #tensors: OnnxTensor[] = [];
  readonly #runtime: OnnxRuntime;
  readonly #shape: CacheShape;

  constructor(runtime: OnnxRuntime, shape: CacheShape) {
    this.#runtime = runtime;
    this.#shape = shape;
  }

  /** Tokens that fit now. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Key of layer 0, value of layer 0, key of layer 1, … */
  get tensors(): readonly OnnxTensor[] {
    return this.#tensors;
  }

  /** Makes room for `tokens`, keeping what is there. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    let capacity = Math.max(this.#capacity, firstCapacity);
    while (capacity < tokens) capacity *= 2;
    this.#resize(Math.min(capacity, this.#shape.contextTokens));
  }

  release(): void {
    for (const tensor of this.#tensors) tensor.release();
    this.#tensors = [];
    this.#capacity = 0;
  }

  #resize(capacity: number): void {
    const { layers, heads, headSize } = this.#shape;
    const old = this.#tensors;
    const oldCapacity = this.#capacity;
    this.#tensors = Array.from({ length: 2 * layers }, (_, i) => {
      const data = new Float32Array(heads * capacity * headSize);
      const before = old[i]?.data;
      if (before instanceof Float32Array)
        copyHeads(before, oldCapacity, data, capacity, this.#shape);
      return this.#runtime.tensor(data, [1, heads, capacity, headSize]);
    });
    this.#capacity = capacity;
    for (const tensor of old) tensor.release();
  }
}

function copyHeads(
  from: Float32Array,
  fromCapacity: number,
  to: Float32Array,
  toCapacity: number,
  { heads, headSize }: CacheShape,
): void {
  for (let head = 0; head < heads; head++) {
    const start = head * fromCapacity * headSize;
    to.set(from.subarray(start, start + fromCapacity * headSize), head * toCapacity * headSize);
  }
}
