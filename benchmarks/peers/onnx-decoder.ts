import type { Gpt2Config } from "../../server/model-library/gpt2-config.ts";
import { OnnxGraph, type WeightLocation } from "../../server/model-library/onnx-graph.ts";

export interface DecoderOptions {
  config: Gpt2Config;
  format: "fp32" | "q8";
  locations: ReadonlyMap<string, WeightLocation>;
  weightsFile: string;
}

interface Drawing extends DecoderOptions {
  graph: OnnxGraph;
  /** What is added to attention's scores: zero where a token is seen, hugely negative elsewhere. */
  mask: string;
}

const hidden = -3.4e38;
const float = 1;
const bool = 9;

/**
 * GPT-2 as one ONNX decoder in the layout of Hugging Face's exports: whole past in, past and new
 * tokens out (`past_key_values.<layer>.key`, `present.<layer>.key`), logits of the last
 * `num_logits_to_keep` tokens. That last input has come only with newer exports than those of the
 * published GPT-2s, which compute the logits of every token of a prompt; here it spares the peer that.
 */
export function buildDecoderGraph(options: DecoderOptions): Uint8Array {
  const { config, locations, weightsFile } = options;
  const graph = new OnnxGraph(locations, weightsFile);
  graph.input("input_ids", "int64", ["batch_size", "sequence_length"]);
  graph.input("attention_mask", "int64", ["batch_size", "total_sequence_length"]);
  graph.input("position_ids", "int64", ["batch_size", "sequence_length"]);
  graph.input("num_logits_to_keep", "int64", []);
  const drawing = { ...options, graph, mask: addMask(graph) };
  let state = graph.node("Add", [
    addEmbedding(drawing, "wte.weight", "input_ids"),
    addEmbedding(drawing, "wpe.weight", "position_ids"),
  ]);
  for (let layer = 0; layer < config.layers; layer++) state = addBlock(drawing, layer, state);
  const [first, last, axis] = [
    graph.node("Neg", [graph.node("Reshape", ["num_logits_to_keep", graph.integers([1])])]),
    graph.integers([2 ** 31 - 1]),
    graph.integers([1]),
  ];
  const kept = graph.node("Slice", [addNorm(drawing, state, "ln_f"), first, last, axis]);
  addProduct(drawing, kept, "lm_head.weight", "logits");
  graph.output("logits", "float32", ["batch_size", "kept_length", config.vocabularySize]);
  return graph.finish("decoder");
}

/** Additive mask [batch, 1, new tokens, all tokens]: causal, and nothing that is padding. */
function addMask(graph: OnnxGraph): string {
  const size = (input: string) =>
    graph.node("Squeeze", [
      graph.node("Gather", [graph.node("Shape", [input]), graph.integers([1])]),
    ]);
  const [zero, one] = [0, 1].map((value) => graph.node("Squeeze", [graph.integers([value])]));
  const total = size("attention_mask");
  const past = graph.node("Sub", [total, size("input_ids")]);
  const range = (from: string) => graph.node("Range", [from, total, one ?? ""]);
  const queries = graph.node("Unsqueeze", [range(past), graph.integers([1])]);
  const causal = graph.node("LessOrEqual", [range(zero ?? ""), queries]);
  const present = graph.node("Unsqueeze", ["attention_mask", graph.integers([1, 2])]);
  const known = graph.node("Cast", [present], { attributes: { to: bool } });
  const seen = graph.node("And", [known, causal]);
  return graph.node("Where", [seen, graph.number(0), graph.number(hidden)]);
}

function addBlock(drawing: Drawing, layer: number, state: string): string {
  const { graph } = drawing;
  const block = `h.${layer}`;
  const packed = addLinear(
    drawing,
    addNorm(drawing, state, `${block}.ln_1`),
    `${block}.attn.c_attn`,
  );
  const attended = addAttention(drawing, layer, packed);
  const middle = graph.node("Add", [addLinear(drawing, attended, `${block}.attn.c_proj`), state]);
  const inner = addLinear(drawing, addNorm(drawing, middle, `${block}.ln_2`), `${block}.mlp.c_fc`);
  // What onnxruntime makes of the exported chain of operators when it loads the file.
  const active = graph.node("FastGelu", [inner], { domain: "com.microsoft" });
  return graph.node("Add", [middle, addLinear(drawing, active, `${block}.mlp.c_proj`)]);
}

function addAttention(drawing: Drawing, layer: number, packed: string): string {
  const { graph, config, mask } = drawing;
  const { width, heads, headSize } = config;
  const parts = ["query", "key", "value"].map((part) => `${part}.${layer}`);
  graph.node("Split", [packed, graph.integers([width, width, width])], {
    attributes: { axis: 2 },
    outputs: parts,
  });
  const [query = "", key = "", value = ""] = parts.map((part) => {
    const split = graph.node("Reshape", [part, graph.integers([0, 0, heads, headSize])]);
    return graph.node("Transpose", [split], { attributes: { perm: [0, 2, 1, 3] } });
  });
  const keys = addPast(drawing, layer, "key", key);
  const values = addPast(drawing, layer, "value", value);
  const turned = graph.node("Transpose", [keys], { attributes: { perm: [0, 1, 3, 2] } });
  const scores = graph.node("Div", [
    graph.node("MatMul", [query, turned]),
    graph.number(Math.sqrt(headSize)),
  ]);
  const weights = graph.node("Softmax", [graph.node("Add", [scores, mask])], {
    attributes: { axis: -1 },
  });
  const mixed = graph.node("Transpose", [graph.node("MatMul", [weights, values])], {
    attributes: { perm: [0, 2, 1, 3] },
  });
  return graph.node("Reshape", [mixed, graph.integers([0, 0, width])]);
}

function addPast({ graph, config }: Drawing, layer: number, part: string, fresh: string): string {
  const shape = (length: string) => ["batch_size", config.heads, length, config.headSize];
  const past = `past_key_values.${layer}.${part}`;
  graph.input(past, "float32", shape("past_sequence_length"));
  const present = `present.${layer}.${part}`;
  graph.node("Concat", [past, fresh], { attributes: { axis: 2 }, outputs: [present] });
  graph.output(present, "float32", shape("total_sequence_length"));
  return present;
}

function addNorm({ graph, config }: Drawing, input: string, name: string): string {
  const parameters = [graph.weight(`${name}.weight`), graph.weight(`${name}.bias`)];
  return graph.node("LayerNormalization", [input, ...parameters], {
    attributes: { axis: -1, epsilon: { float: config.layerNormEpsilon } },
  });
}

function addEmbedding({ graph, format }: Drawing, name: string, ids: string): string {
  const rows = graph.node("Gather", [graph.weight(name), ids]);
  if (format === "fp32") return rows;
  return graph.node("DequantizeLinear", [
    rows,
    graph.weight(`${name}.scale`),
    graph.weight(`${name}.zero`),
  ]);
}

function addLinear(drawing: Drawing, input: string, name: string): string {
  const product = addProduct(drawing, input, `${name}.weight`);
  return drawing.graph.node("Add", [product, drawing.graph.weight(`${name}.bias`)]);
}

/** Dynamic quantisation takes one scale for all of the input's values. */
function addProduct(drawing: Drawing, input: string, name: string, output?: string): string {
  const { graph, format } = drawing;
  const outputs = output === undefined ? {} : { outputs: [output] };
  if (format === "fp32") return graph.node("MatMul", [input, graph.weight(name)], outputs);
  const [bytes, scale, zero] = ["bytes", "scale", "zero"].map((part) => `${name}.input.${part}`);
  const quantised = { bytes: bytes ?? "", scale: scale ?? "", zero: zero ?? "" };
  graph.node("DynamicQuantizeLinear", [input], { outputs: Object.values(quantised) });
  const factors = [quantised.bytes, graph.weight(name), quantised.zero];
  const whole = graph.node("MatMulInteger", [...factors, graph.weight(`${name}.zero`)]);
  const product = graph.node("Cast", [whole], { attributes: { to: float } });
  const factor = graph.node("Mul", [quantised.scale, graph.weight(`${name}.scale`)]);
  return graph.node("Mul", [product, factor], outputs);
}
