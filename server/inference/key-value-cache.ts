import type { OnnxRuntime, OnnxTensor } from "./onnx-runtime.ts";

/** The shape of a model's attention memory. */
export interface CacheShape {
  layers: number;
  heads: number;
  headSize: number;
  contextTokens: number;
}

const firstCapacity = 64;

/** Tokens that a cache has room for once it was asked to hold so many. */
function capacityFor(tokens: number, { contextTokens }: CacheShape): number {
  let capacity = firstCapacity;
  while (capacity < tokens) capacity *= 2;
  return Math.min(capacity, contextTokens);
}

function bytesPerToken({ layers, heads, headSize }: CacheShape): number {
  return 2 * layers * heads * headSize * Float32Array.BYTES_PER_ELEMENT;
}

/** What a cache takes that holds so many tokens. */
export function cacheBytesFor(tokens: number, shape: CacheShape): number {
  return tokens === 0 ? 0 : capacityFor(tokens, shape) * bytesPerToken(shape);
}

/**
 * The keys and values of one sequence: two arrays [1, heads, room, head size] a layer, extended in
 * place by each run. Without copies there is room for a whole context from the beginning, since the
 * system gives memory page by page as it is written and growing would hold up the text; the ordinary
 * binding copies whole arrays at each run, so there they start small and double.
 */
export class KeyValueCache {
  #capacity = 0;
  /** Tokens that the arrays are laid out for. */
  #room = 0;
  #tensors: OnnxTensor[] = [];
  /** Behind the tensors. */
  #memory: ArrayBuffer[] = [];
  readonly #runtime: OnnxRuntime;
  readonly #shape: CacheShape;

  constructor(runtime: OnnxRuntime, shape: CacheShape) {
    this.#runtime = runtime;
    this.#shape = shape;
  }

  /** Tokens whose memory is taken. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Key of layer 0, value of layer 0, key of layer 1, … */
  get tensors(): readonly OnnxTensor[] {
    return this.#tensors;
  }

  /** The most that the arrays have taken so far. */
  get bytes(): number {
    return this.#capacity * bytesPerToken(this.#shape);
  }

  /** Makes room for `tokens`, keeping what is there, also where the system refuses it and this throws. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const capacity = capacityFor(tokens, this.#shape);
    const growsByPages = this.#runtime.kind === "zero-copy";
    const room = growsByPages ? this.#shape.contextTokens : capacity;
    if (room > this.#room) this.#resize(room);
    // Only now: the system may refuse it.
    this.#capacity = capacity;
  }

  /**
   * Takes over another's keys and values of the positions `from` to `to` − 1, making room for them.
   * Keys and values depend on all tokens before theirs, so both must have the same tokens up to `to`.
   * Never during a run of either.
   */
  copyFrom(source: KeyValueCache, from: number, to: number): void {
    if (from < 0 || from > to || to > source.#capacity)
      throw new RangeError(`There are no positions ${from} to ${to} to copy.`);
    this.reserve(to);
    const { heads, headSize } = this.#shape;
    this.#tensors.forEach(({ data }, i) => {
      const others = source.#tensors[i]?.data;
      if (!(data instanceof Float32Array && others instanceof Float32Array)) return;
      for (let head = 0; head < heads; head++) {
        const start = head * source.#room;
        const part = others.subarray((start + from) * headSize, (start + to) * headSize);
        data.set(part, (head * this.#room + from) * headSize);
      }
    });
  }

  /** Never during a run; the memory is free at once. */
  release(): void {
    free(this.#tensors, this.#memory);
    this.#tensors = [];
    this.#memory = [];
    this.#capacity = 0;
    this.#room = 0;
  }

  /**
   * Gives back one layer of what nobody wants any more; true once none is left, until then it counts
   * in full. Never during a run.
   */
  releaseLayer(): boolean {
    free(this.#tensors.slice(-2), this.#memory.slice(-2));
    this.#tensors = this.#tensors.slice(0, -2);
    this.#memory = this.#memory.slice(0, -2);
    if (this.#tensors.length > 0) return false;
    this.release();
    return true;
  }

  #resize(room: number): void {
    const { layers, heads, headSize } = this.#shape;
    const [old, oldMemory, oldRoom] = [this.#tensors, this.#memory, this.#room];
    const values = heads * room * headSize;
    const memory = Array.from({ length: 2 * layers }, () => allocate(4 * values));
    this.#tensors = memory.map((buffer, i) => {
      const data = new Float32Array(buffer, 0, values);
      const before = old[i]?.data;
      if (before instanceof Float32Array) copyHeads(before, oldRoom, data, room, this.#shape);
      return this.#runtime.tensor(data, [1, heads, room, headSize]);
    });
    this.#memory = memory;
    this.#room = room;
    free(old, oldMemory);
  }
}

/** Memory that can be given back at once: it is the largest there is, and collection comes late. */
function allocate(bytes: number): ArrayBuffer {
  return new ArrayBuffer(bytes, { maxByteLength: bytes });
}

function free(tensors: readonly OnnxTensor[], memory: readonly ArrayBuffer[]): void {
  for (const tensor of tensors) tensor.release();
  for (const buffer of memory) buffer.resize(0);
}

function copyHeads(
  from: Float32Array,
  fromRoom: number,
  to: Float32Array,
  toRoom: number,
  { heads, headSize }: CacheShape,
): void {
  for (let head = 0; head < heads; head++) {
    const start = head * fromRoom * headSize;
    to.set(from.subarray(start, start + fromRoom * headSize), head * toRoom * headSize);
  }
}
