import type { Gpt2Config } from "./gpt2-config.ts";
import { createOperators, type WeightedOperators } from "./gpt2-operators.ts";
import { OnnxGraph, type WeightLocation } from "./onnx-graph.ts";
import type { Precision } from "./precision.ts";

export interface Gpt2GraphOptions {
  config: Gpt2Config;
  weights: ReadonlyMap<string, WeightLocation>;
  /** File name of the weights, beside the graph. */
  weightsFile: string;
  /** How many sequences one run carries. */
  slots: number;
  precision: Precision;
}

/**
 * The ONNX model of a GPT-2 that computes new tokens of several sequences in one run.
 *
 * The tokens of all slots lie one after another in `input_ids` [tokens]; `split` [slots] says how
 * many belong to each. Linear layers work on all of them at once, as [1, tokens, width]; attention works slot by slot, each
 * on its own key and value arrays [1, heads, capacity, head size], which hold `past` tokens before
 * the run and past + split[slot] after it: given as input and output both, they are extended in
 * place (com.microsoft.GroupQueryAttention). `seqlens_k.<slot>` is that total minus one, `total.<slot>`
 * the total. `logits` [rows, vocabulary] has the rows of `out_rows` only, of which there must be one: behind
 * the last layer's keys and values nothing is computed for any other token.
 */
export function buildGpt2Graph(options: Gpt2GraphOptions): Uint8Array {
  const { config, slots, precision } = options;
  const graph = new OnnxGraph(options.weights, options.weightsFile);
  const operators = createOperators(graph, config, precision);
  declareInputs(graph, slots);
  let hidden = graph.node("Add", [
    operators.embed(),
    graph.node("Gather", [graph.weight("wpe.weight"), "position_ids"]),
  ]);
  for (let layer = 0; layer < config.layers; layer++) {
    hidden = addBlock(graph, operators, options, layer, hidden);
  }
  // By itself, else onnxruntime makes one node of the last sum and the norm, with other last bits.
  operators.project(graph.node("Reshape", [hidden, graph.integers([-1, config.width])]));
  graph.output("logits", "float32", ["rows", config.vocabularySize]);
  return graph.finish(`gpt2 ${precision}, ${slots} slots`);
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
  operators: WeightedOperators,
  options: Gpt2GraphOptions,
  layer: number,
  hidden: string,
): string {
  const block = `h.${layer}`;
  const before = operators.normalise(hidden, `${block}.ln_1`);
  const packed = operators.linear(before, `${block}.attn.c_attn`);
  const attended = addAttention(graph, options, layer, packed);
  const isLast = layer === options.config.layers - 1;
  const wanted = isLast
    ? (tensor: string) => wantedRows(graph, tensor)
    : (tensor: string) => tensor;
  const projected = operators.linear(wanted(attended), `${block}.attn.c_proj`);
  const middle = graph.node("Add", [wanted(hidden), projected]);
  const normal = operators.normalise(middle, `${block}.ln_2`);
  const active = operators.activated(normal, `${block}.mlp.c_fc`);
  return graph.node("Add", [middle, operators.linear(active, `${block}.mlp.c_proj`)]);
}

/** [1, tokens, width] → [1, rows, width]: those whose logits are wanted. */
function wantedRows(graph: OnnxGraph, tensor: string): string {
  return graph.node("Gather", [tensor, "out_rows"], { attributes: { axis: 1 } });
}

/** Packed queries, keys and values [1, tokens, 3 × width] → attention output [1, tokens, width]. */
function addAttention(
  graph: OnnxGraph,
  { config, slots }: Gpt2GraphOptions,
  layer: number,
  packed: string,
): string {
  const parts = splitSlots(graph, slots, layer, packed);
  const attended = parts.map((part, slot) => {
    const [pastKey, pastValue, key, value] = declareCache(graph, config, `${layer}.${slot}`);
    const lengths = [`seqlens_k.${slot}`, `total.${slot}`];
    return graph.node("GroupQueryAttention", [part, "", "", pastKey, pastValue, ...lengths], {
      attributes: { num_heads: config.heads, kv_num_heads: config.heads, do_rotary: 0 },
      outputs: [`attended.${layer}.${slot}`, key, value],
      domain: "com.microsoft",
    });
  });
  if (attended.length === 1) return attended[0] ?? packed;
  return graph.node("Concat", attended, { attributes: { axis: 1 } });
}

function splitSlots(graph: OnnxGraph, slots: number, layer: number, packed: string): string[] {
  if (slots === 1) return [packed];
  const parts = Array.from({ length: slots }, (_, slot) => `packed.${layer}.${slot}`);
  graph.node("Split", [packed, "split"], { attributes: { axis: 1 }, outputs: parts });
  return parts;
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
