import { cacheBytesFor, KeyValueCache } from "../key-value-cache.ts";
import type { LanguageModel, Row } from "../language-model.ts";
import type { OnnxRuntime, TensorData } from "../onnx-runtime.ts";
import { uniform } from "../random.ts";

export interface PretendModelOptions {
  contextTokens: number;
  vocabularySize: number;
  maxRows: number;
  /** 1 by default. */
  layers?: number;
}

/** A model for tests of scheduling: its caches are real, and hold the token ids themselves. */
export interface PretendModel extends LanguageModel {
  readonly steps: readonly (readonly Row[])[];
  /** What all caches take now. */
  bytes(): number;
}

/** Keeps the arrays that it is given, and runs nothing. */
const runtime: OnnxRuntime = createRuntime();

function createRuntime() {
  const tensor = (data: TensorData) => ({ data, released: false, release() {} });
  return {
    kind: "binding" as const,
    sharesWeights: true,
    open: () => Promise.reject(new Error("There is no graph.")),
    tensor,
    release() {},
  };
}

/**
 * Its logits depend on all tokens up to the one they follow, as read from the cache, so that a row
 * on a wrong past draws other tokens; it refuses rows that a real one could not compute.
 */
export function createPretendModel(options: PretendModelOptions): PretendModel {
  const { contextTokens, vocabularySize, maxRows, layers = 1 } = options;
  const caches: KeyValueCache[] = [];
  const steps: Row[][] = [];
  const shape = { layers, heads: 1, headSize: 1, contextTokens };
  const createCache = () => {
    const cache = new KeyValueCache(runtime, shape);
    caches.push(cache);
    return cache;
  };
  function compute({ cache, past, tokens, outputs }: Row): Float32Array[] {
    const end = past + tokens.length;
    if (tokens.length === 0 || end > contextTokens) throw new Error("The row does not fit.");
    cache.reserve(end);
    const keys = cache.tensors[0]?.data;
    if (!(keys instanceof Float32Array)) throw new Error("The cache has no keys.");
    if (keys.subarray(0, past).includes(0)) throw new Error("The past was never computed.");
    keys.set(
      tokens.map((id) => id + 1),
      past,
    );
    return Array.from({ length: outputs }, (_, i) =>
      pretendLogits(keys.subarray(0, end - outputs + 1 + i), vocabularySize),
    );
  }

  const model = {
    maxRows,
    complete: Promise.resolve(),
    steps,
    createCache,
    bytesFor: (tokens: number) => cacheBytesFor(tokens, shape),
    bytes: () => caches.reduce((sum, cache) => sum + cache.bytes, 0),
    run(rows: readonly Row[]) {
      if (rows.length === 0 || rows.length > maxRows) throw new Error("Too many rows, or none.");
      if (new Set(rows.map(({ cache }) => cache)).size < rows.length)
        throw new Error("Two rows have one cache.");
      steps.push([...rows]);
      return Promise.resolve(rows.map(compute));
    },
    release: () => Promise.resolve(),
  };
  return model;
}

function pretendLogits(seen: Float32Array, vocabularySize: number): Float32Array {
  let hash = seen.length;
  for (const value of seen) hash = (Math.imul(hash, 31) + value) | 0;
  return Float32Array.from({ length: vocabularySize }, (_, id) => 4 * uniform(hash >>> 0, id));
}
