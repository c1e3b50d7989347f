import type { Gpt2Config } from "./gpt2-config.ts";
import type { OnnxGraph } from "./onnx-graph.ts";
import { blockSize, type Precision, zeroPoint } from "./precision.ts";

/** How a model of some precision does what takes weights; each function returns its output's name. */
export interface WeightedOperators {
  /** [1, tokens, width] of the ids in `input_ids`. */
  embed(): string;
  /** LayerNorm; the quantised models have its gain and shift in the weights that follow. */
  normalise(input: string, name: string): string;
  /** [1, tokens, inputs] → [1, tokens, outputs], with its bias. */
  linear(input: string, name: string): string;
  /** c_fc with the tanh form of GELU. */
  activated(input: string, name: string): string;
  /** [rows, width] → `logits` [rows, vocabulary]. */
  project(hidden: string): void;
}

const microsoft = { domain: "com.microsoft" } as const;

export function createOperators(
  graph: OnnxGraph,
  config: Gpt2Config,
  precision: Precision,
): WeightedOperators {
  switch (precision) {
    case "fp32":
      return createFloatOperators(graph, config);
    case "int8":
      return createRowOperators(graph, config);
    case "int8-block32":
      return createBlockOperators(graph, config);
    default:
      return precision satisfies never;
  }
}

function createFloatOperators(graph: OnnxGraph, config: Gpt2Config): WeightedOperators {
  const multiply = (input: string, name: string) =>
    graph.node("MatMul", [input, graph.weight(`${name}.weight`)]);
  return {
    embed: () => graph.node("Gather", [graph.weight("wte.weight"), batchOfIds(graph)]),
    normalise(input, name) {
      const parameters = [graph.weight(`${name}.weight`), graph.weight(`${name}.bias`)];
      return layerNorm(graph, config, [input, ...parameters]);
    },
    linear: (input, name) => addBias(graph, multiply(input, name), name),
    activated: (input, name) => gelu(graph, multiply(input, name), name),
    project(hidden) {
      const input = this.normalise(hidden, "ln_f");
      const weights = config.tiedEmbeddings ? "wte.weight" : "lm_head.weight";
      const attributes = { transB: 1 };
      graph.node("Gemm", [input, graph.weight(weights)], { attributes, outputs: ["logits"] });
    },
  };
}

/** What one level of an activation is worth, of its token's largest. */
const activationLevel = 1 / 127;

/**
 * Each token's activations are divided by the largest of them, so that no token changes what its
 * neighbours in a run get. A row of zeros becomes 0/0, which may be rounded to anything: the factor
 * that it gets back is 0.
 */
function createRowOperators(graph: OnnxGraph, config: Gpt2Config): WeightedOperators {
  const level = graph.number(activationLevel);
  const quantise = (input: string) => {
    const largest = graph.node("ReduceMax", [graph.node("Abs", [input]), graph.integers([-1])], {
      attributes: { keepdims: 1 },
    });
    const shares = graph.node("Div", [input, largest]);
    const values = graph.node("QuantizeLinear", [shares, level, graph.byte(zeroPoint)]);
    return { values, largest };
  };
  const multiply = ({ values, largest }: { values: string; largest: string }, name: string) => {
    const weights = [graph.weight(`${name}.weight`), level, graph.weight(`${name}.scale`)];
    const inputs = [values, ...weights, graph.byte(zeroPoint)];
    return graph.node("Mul", [graph.node("MatMulIntegerToFloat", inputs, microsoft), largest]);
  };
  return {
    embed: () => gatherQuantised(graph),
    normalise: (input) => plainNorm(graph, config, input),
    linear: (input, name) => addBias(graph, multiply(quantise(input), name), name),
    activated: (input, name) => gelu(graph, multiply(quantise(input), name), name),
    project(hidden) {
      const product = multiply(quantise(plainNorm(graph, config, hidden)), "lm_head");
      graph.node("Add", [product, graph.weight("lm_head.bias")], { outputs: ["logits"] });
    },
  };
}

function createBlockOperators(graph: OnnxGraph, config: Gpt2Config): WeightedOperators {
  const { width, innerWidth, vocabularySize } = config;
  /** Inputs and outputs by the end of the linear's name. */
  const sizes: readonly (readonly [string, number, number])[] = [
    ["attn.c_attn", width, 3 * width],
    ["attn.c_proj", width, width],
    ["mlp.c_fc", width, innerWidth],
    ["mlp.c_proj", innerWidth, width],
    ["lm_head", width, vocabularySize],
  ];
  const multiply = (input: string, name: string, options: { bias: boolean; output?: string }) => {
    const [, inputs = 0, outputs = 0] = sizes.find(([ending]) => name.endsWith(ending)) ?? [];
    const given = [input, graph.weight(`${name}.weight`), graph.weight(`${name}.scale`)];
    if (options.bias) given.push("", "", graph.weight(`${name}.bias`));
    return graph.node("MatMulNBits", given, {
      // 4: activations are quantised to 8 bits, block by block.
      attributes: { K: inputs, N: outputs, bits: 8, block_size: blockSize, accuracy_level: 4 },
      ...(options.output === undefined ? {} : { outputs: [options.output] }),
      ...microsoft,
    });
  };
  return {
    embed: () => gatherQuantised(graph),
    normalise: (input) => plainNorm(graph, config, input),
    linear: (input, name) => multiply(input, name, { bias: true }),
    activated: (input, name) => gelu(graph, multiply(input, name, { bias: false }), name),
    project(hidden) {
      multiply(plainNorm(graph, config, hidden), "lm_head", { bias: true, output: "logits" });
    },
  };
}

function batchOfIds(graph: OnnxGraph): string {
  return graph.node("Unsqueeze", ["input_ids", graph.integers([0])]);
}

function gatherQuantised(graph: OnnxGraph): string {
  const inputs = [graph.weight("wte.weight"), batchOfIds(graph), graph.weight("wte.scale")];
  const attributes = { bits: 8, block_size: blockSize, gather_axis: 0, quantize_axis: 1 };
  return graph.node("GatherBlockQuantized", inputs, { attributes, ...microsoft });
}

function plainNorm(graph: OnnxGraph, config: Gpt2Config, input: string): string {
  return layerNorm(graph, config, [input, graph.repeated(1, config.width)]);
}

function layerNorm(graph: OnnxGraph, config: Gpt2Config, inputs: readonly string[]): string {
  const attributes = { axis: -1, epsilon: { float: config.layerNormEpsilon } };
  return graph.node("LayerNormalization", inputs, { attributes });
}

function addBias(graph: OnnxGraph, product: string, name: string): string {
  return graph.node("Add", [product, graph.weight(`${name}.bias`)]);
}

function gelu(graph: OnnxGraph, product: string, name: string): string {
  return graph.node("FastGelu", [product, graph.weight(`${name}.bias`)], microsoft);
}
