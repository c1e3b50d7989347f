import { join } from "node:path";
import { type CacheShape, cacheBytesFor, KeyValueCache } from "./key-value-cache.ts";
import type { ModelCard } from "./model-card.ts";
import type { OnnxRuntime, OnnxSession, OnnxTensor } from "./onnx-runtime.ts";

/** New tokens of one sequence: they follow `past` tokens whose keys and values are in the cache. */
export interface Row {
  cache: KeyValueCache;
  past: number;
  tokens: readonly number[];
  /** Of how many of the last tokens the logits are wanted; each costs a pass over the vocabulary. */
  outputs: number;
}

/** A loaded GPT-2: token ids in, logits out; knows nothing of sampling or of who asks. */
export interface LanguageModel {
  /** The most rows of one run. */
  readonly maxRows: number;
  createCache(): KeyValueCache;
  /** What a cache takes, in bytes, that holds so many tokens. */
  bytesFor(tokens: number): number;
  /**
   * Computes the rows' tokens, extends their caches in place, and returns for each row the logits
   * after those of its tokens that were asked for, in order. The arrays are views that the next run
   * overwrites. One run at a time.
   */
  run(rows: readonly Row[]): Promise<Float32Array[][]>;
  /** Frees the graphs and, last, the runtime; caches have to be released before. */
  release(): Promise<void>;
}

export interface LanguageModelOptions {
  folder: string;
  card: ModelCard;
  /** Belongs to the model from here on. */
  runtime: OnnxRuntime;
  /** By default chosen by the model's size. */
  threads?: number | undefined;
}

/** Below this, handing work to a second thread costs more than it saves. */
const twoThreadsFromParameters = 20_000_000;

interface ModelShape extends CacheShape {
  vocabularySize: number;
}

interface Graph {
  slots: number;
  session: OnnxSession;
}

/** Loads a model folder's graphs. */
export async function loadLanguageModel(options: LanguageModelOptions): Promise<LanguageModel> {
  const { folder, card, runtime } = options;
  const threads = options.threads ?? (card.parameters < twoThreadsFromParameters ? 1 : 2);
  const graphs: Graph[] = [];
  for (const { slots, file } of [...card.graphs].sort((a, b) => a.slots - b.slots)) {
    const session = await runtime.open(join(folder, file), threads);
    graphs.push({ slots, session });
  }
  return createModel(graphs, card, runtime);
}

function createModel(
  graphs: readonly Graph[],
  card: ModelCard,
  runtime: OnnxRuntime,
): LanguageModel {
  const maxRows = graphs.at(-1)?.slots ?? 0;
  const createCache = () => new KeyValueCache(runtime, card);
  const filler: Row = { cache: createCache(), past: 0, tokens: [0], outputs: 0 };
  let logits = new Float32Array(0);
  return {
    maxRows,
    createCache,
    bytesFor: (tokens) => cacheBytesFor(tokens, card),
    async run(rows) {
      const graph = graphs.find(({ slots }) => slots >= rows.length);
      if (graph === undefined) throw new Error(`A run takes at most ${maxRows} rows.`);
      const fillers = Array.from({ length: graph.slots - rows.length }, () => filler);
      const length = card.vocabularySize * rows.reduce((sum, { outputs }) => sum + outputs, 0);
      if (logits.length < length) logits = new Float32Array(length);
      const wanted = logits.subarray(0, length);
      await runGraph(graph, [...rows, ...fillers], wanted, card, runtime);
      return divide(wanted, rows, card.vocabularySize);
    },
    async release() {
      filler.cache.release();
      for (const { session } of graphs) await session.release();
      runtime.release();
    },
  };
}

async function runGraph(
  graph: Graph,
  rows: readonly Row[],
  logits: Float32Array,
  shape: ModelShape,
  runtime: OnnxRuntime,
): Promise<void> {
  const inputs = new Map<string, OnnxTensor>();
  const outputs = new Map<string, OnnxTensor>();
  const temporary: OnnxTensor[] = [];
  const wrap = (data: OnnxTensor["data"], dimensions: number[]) => {
    const tensor = runtime.tensor(data, dimensions);
    temporary.push(tensor);
    return tensor;
  };
  try {
    for (const [name, data] of describeTokens(rows)) inputs.set(name, wrap(data, [data.length]));
    const { vocabularySize } = shape;
    outputs.set("logits", wrap(logits, [logits.length / vocabularySize, vocabularySize]));
    rows.forEach((row, slot) => {
      const total = row.past + row.tokens.length;
      row.cache.reserve(total);
      inputs.set(`seqlens_k.${slot}`, wrap(Int32Array.of(total - 1), [1]));
      inputs.set(`total.${slot}`, wrap(Int32Array.of(total), []));
      connectCache(row.cache, slot, shape.layers, inputs, outputs);
    });
    await graph.session.run(inputs, outputs);
  } finally {
    for (const tensor of temporary) tensor.release();
  }
}

/** The inputs that concern all rows together; their tokens lie one after another. */
function describeTokens(rows: readonly Row[]): [string, BigInt64Array][] {
  const ids = rows.flatMap((row) => row.tokens);
  const positions = rows.flatMap((row) => row.tokens.map((_, i) => row.past + i));
  const lengths = rows.map((row) => row.tokens.length);
  return [
    ["input_ids", BigInt64Array.from(ids, BigInt)],
    ["position_ids", BigInt64Array.from(positions, BigInt)],
    ["split", BigInt64Array.from(lengths, BigInt)],
    ["out_rows", BigInt64Array.from(wantedRows(rows), BigInt)],
  ];
}

/** Which of all rows' tokens, counted through, have their logits computed. */
function wantedRows(rows: readonly Row[]): number[] {
  let end = 0;
  return rows.flatMap(({ tokens, outputs }) => {
    if (outputs > tokens.length) throw new RangeError("More logits are wanted than tokens given.");
    end += tokens.length;
    const first = end - outputs;
    return Array.from({ length: outputs }, (_, i) => first + i);
  });
}

/** The same tensor is past and present: that is what makes the work happen in place. */
function connectCache(
  cache: KeyValueCache,
  slot: number,
  layers: number,
  inputs: Map<string, OnnxTensor>,
  outputs: Map<string, OnnxTensor>,
): void {
  for (let layer = 0; layer < layers; layer++) {
    ["key", "value"].forEach((part, i) => {
      const tensor = cache.tensors[2 * layer + i];
      if (tensor === undefined) throw new Error("The cache has fewer layers than the model.");
      inputs.set(`past_${part}.${layer}.${slot}`, tensor);
      outputs.set(`present_${part}.${layer}.${slot}`, tensor);
    });
  }
}

/** Each row's own logits, one array for each token that was asked for. */
function divide(
  logits: Float32Array,
  rows: readonly Row[],
  vocabularySize: number,
): Float32Array[][] {
  let start = 0;
  return rows.map(({ outputs }) =>
    Array.from({ length: outputs }, () => {
      start += vocabularySize;
      return logits.subarray(start - vocabularySize, start);
    }),
  );
}
