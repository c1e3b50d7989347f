import { join } from "node:path";
import { type CacheShape, KeyValueCache } from "./key-value-cache.ts";
import type { ModelCard } from "./model-card.ts";
import type { OnnxRuntime, OnnxSession, OnnxTensor } from "./onnx-runtime.ts";

/** New tokens of one sequence: they follow `past` tokens whose keys and values are in the cache. */
export interface Row {
  cache: KeyValueCache;
  past: number;
  tokens: readonly number[];
}

/** A loaded GPT-2: token ids in, logits out; knows nothing of sampling or of who asks. */
export interface LanguageModel {
  /** The most rows of one run. */
  readonly maxRows: number;
  createCache(): KeyValueCache;
  /**
   * Computes the rows' tokens, extends their caches in place, and returns for each row the logits
   * after its last token. The arrays are views that the next run overwrites. One run at a time.
   */
  run(rows: readonly Row[]): Promise<Float32Array[]>;
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

interface Graph {
  slots: number;
  session: OnnxSession;
  logits: Float32Array;
}

/** Loads a model folder's graphs. */
export async function loadLanguageModel(options: LanguageModelOptions): Promise<LanguageModel> {
  const { folder, card, runtime } = options;
  const threads = options.threads ?? (card.parameters < twoThreadsFromParameters ? 1 : 2);
  const graphs: Graph[] = [];
  for (const { slots, file } of [...card.graphs].sort((a, b) => a.slots - b.slots)) {
    const session = await runtime.open(join(folder, file), threads);
    graphs.push({ slots, session, logits: new Float32Array(slots * card.vocabularySize) });
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
  const filler: Row = { cache: createCache(), past: 0, tokens: [0] };
  return {
    maxRows,
    createCache,
    async run(rows) {
      const graph = graphs.find(({ slots }) => slots >= rows.length);
      if (graph === undefined) throw new Error(`A run takes at most ${maxRows} rows.`);
      const fillers = Array.from({ length: graph.slots - rows.length }, () => filler);
      await runGraph(graph, [...rows, ...fillers], card, runtime);
      return rows.map((_, row) => rowOf(graph.logits, row, card.vocabularySize));
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
  shape: CacheShape,
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
    outputs.set("logits", wrap(graph.logits, [rows.length, graph.logits.length / rows.length]));
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
  let end = 0;
  const lastOfEachRow = lengths.map((length) => (end += length) - 1);
  return [
    ["input_ids", BigInt64Array.from(ids, BigInt)],
    ["position_ids", BigInt64Array.from(positions, BigInt)],
    ["split", BigInt64Array.from(lengths, BigInt)],
    ["out_rows", BigInt64Array.from(lastOfEachRow, BigInt)],
  ];
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

function rowOf(logits: Float32Array, row: number, vocabularySize: number): Float32Array {
  return logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
}
