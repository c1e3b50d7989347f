import type { Gpt2Config } from "./gpt2-config.ts";
import { OnnxGraph, type WeightLocation } from "./onnx-graph.ts";

export interface Gpt2GraphOptions {
  config: Gpt2Config;
  weights: ReadonlyMap<string, WeightLocation>;
  /** File name of the weights, beside the graph. */
  weightsFile: string;
  /** How many sequences one run carries. */
  slots: number;
}

/**
 * The ONNX model of a GPT-2 that computes new tokens of several sequences in one run.
 *
 * The tokens of all slots lie one after another in `input_ids` [tokens]; `split` [slots] says how
 * many belong to each. Linear layers work on all of them at once; attention works slot by slot, each
 * on its own key and value arrays [1, heads, capacity, head size], which hold `past` tokens before
 * the run and past + split[slot] after it: given as input and output both, they are extended in
 * place (com.microsoft.GroupQueryAttention). `seqlens_k.<slot>` is that total minus one, `total.<slot>`
 * the total. `logits` [rows, vocabulary] has the rows of `out_rows` only.
 */
export function buildGpt2Graph(options: Gpt2GraphOptions): Uint8Array {
  const { config, slots } = options;
  const graph = new OnnxGraph(options.weights, options.weightsFile);
  declareInputs(graph, slots);
  let hidden = graph.node("Add", [
    graph.node("Gather", [graph.weight("wte.weight"), "input_ids"]),
    graph.node("Gather", [graph.weight("wpe.weight"), "position_ids"]),
  ]);
  for (let layer = 0; layer < config.layers; layer++) {
    hidden = addBlock(graph, options, layer, hidden);
  }
  const rows = graph.node("Gather", [hidden, "out_rows"], { attributes: { axis: 0 } });
  const normal = layerNorm(graph, config, rows, "ln_f");
  const projection = config.tiedEmbeddings ? "wte.weight" : "lm_head.weight";
  graph.node("Gemm", [normal, graph.weight(projection)], {
    attributes: { transB: 1 },
    outputs: ["logits"],
  });
  graph.output("logits", "float32", ["rows", config.vocabularySize]);
  return graph.finish(`gpt2, ${slots} slots`);
}

function declareInputs(graph: OnnxGraph, slots: number): void {
  graph.input("input_ids", "int64", ["tokens"]);
  graph.input("position_ids", "int64", ["tokens"]);
  graph.input("out_rows", "int64", ["rows"]);
  graph.input("split", "int64", [slots]);
  for (let slot = 0; slot < slots; slot++) {
    graph.input(`seqlens_k.${slot}`, "int32", [1]);
    graph.input(`total.${slot}`, "int32", []);
  }
}

function addBlock(
  graph: OnnxGraph,
  options: Gpt2GraphOptions,
  layer: number,
  hidden: string,
): string {
  const { config } = options;
  const block = `h.${layer}`;
  const before = layerNorm(graph, config, hidden, `${block}.ln_1`);
  const packed = linear(graph, before, `${block}.attn.c_attn`);
  const attended = addAttention(graph, options, layer, packed);
  const middle = graph.node("Add", [hidden, linear(graph, attended, `${block}.attn.c_proj`)]);
  const normal = layerNorm(graph, config, middle, `${block}.ln_2`);
  const inner = graph.node("MatMul", [normal, graph.weight(`${block}.mlp.c_fc.weight`)]);
  const active = graph.node("FastGelu", [inner, graph.weight(`${block}.mlp.c_fc.bias`)], {
    domain: "com.microsoft",
  });
  return graph.node("Add", [middle, linear(graph, active, `${block}.mlp.c_proj`)]);
}

/** Packed queries, keys and values [tokens, 3 × width] → attention output [tokens, width]. */
function addAttention(
  graph: OnnxGraph,
  { config, slots }: Gpt2GraphOptions,
  layer: number,
  packed: string,
): string {
  const parts = Array.from({ length: slots }, (_, slot) => `packed.${layer}.${slot}`);
  graph.node("Split", [packed, "split"], { attributes: { axis: 0 }, outputs: parts });
  const batchAxis = graph.integers([0]);
  const attended = parts.map((part, slot) => {
    const [pastKey, pastValue, key, value] = declareCache(graph, config, `${layer}.${slot}`);
    const query = graph.node("Unsqueeze", [part, batchAxis]);
    const lengths = [`seqlens_k.${slot}`, `total.${slot}`];
    return graph.node("GroupQueryAttention", [query, "", "", pastKey, pastValue, ...lengths], {
      attributes: { num_heads: config.heads, kv_num_heads: config.heads, do_rotary: 0 },
      outputs: [`attended.${layer}.${slot}`, key, value],
      domain: "com.microsoft",
    });
  });
  const joined = graph.node("Concat", attended, { attributes: { axis: 1 } });
  return graph.node("Squeeze", [joined, batchAxis]);
}

function declareCache(
  graph: OnnxGraph,
  config: Gpt2Config,
  place: string,
): [string, string, string, string] {
  const shape = [1, config.heads, "capacity", config.headSize];
  const pastKey = graph.input(`past_key.${place}`, "float32", shape);
  const pastValue = graph.input(`past_value.${place}`, "float32", shape);
  const key = `present_key.${place}`;
  const value = `present_value.${place}`;
  graph.output(key, "float32", shape);
  graph.output(value, "float32", shape);
  return [pastKey, pastValue, key, value];
}

function layerNorm(graph: OnnxGraph, config: Gpt2Config, input: string, name: string): string {
  const parameters = [graph.weight(`${name}.weight`), graph.weight(`${name}.bias`)];
  return graph.node("LayerNormalization", [input, ...parameters], {
    attributes: { axis: -1, epsilon: { float: config.layerNormEpsilon } },
  });
}

function linear(graph: OnnxGraph, input: string, name: string): string {
  const product = graph.node("MatMul", [input, graph.weight(`${name}.weight`)]);
  return graph.node("Add", [product, graph.weight(`${name}.bias`)]);
}
