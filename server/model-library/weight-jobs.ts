import type { Gpt2Config } from "./gpt2-config.ts";
import { blockSize, type Precision } from "./precision.ts";
import type { StoredWeight } from "./weights-file.ts";

/** One step of writing a model's weights. */
export type WeightJob =
  /** A tensor as it came. */
  | { kind: "copy"; outputs: readonly [StoredWeight] }
  /** The token embedding [vocabulary, width] with a scale for each block of a row. */
  | { kind: "embedding"; outputs: readonly [values: StoredWeight, scales: StoredWeight] }
  /** A linear layer, with the gain and shift of the LayerNorm before it if there is one. */
  | { kind: "linear"; name: string; norm: string | undefined; outputs: QuantisedLinear }
  /** The projection to the vocabulary, from a tensor [vocabulary, width]. */
  | { kind: "head"; from: string; norm: string; outputs: QuantisedLinear };

export type QuantisedLinear = readonly [
  values: StoredWeight,
  scales: StoredWeight,
  bias: StoredWeight,
];
export type QuantisedPrecision = Exclude<Precision, "fp32">;

/** Everything that a model's weights file will hold, in order. */
export function planWeights(
  config: Gpt2Config,
  precision: Precision,
  shapes: ReadonlyMap<string, readonly number[]>,
): WeightJob[] {
  if (precision === "fp32") return [...shapes].map(([name, shape]) => copy(name, shape));
  const { width, innerWidth, vocabularySize, contextTokens } = config;
  const jobs: WeightJob[] = [
    embedding(vocabularySize, width),
    copy("wpe.weight", [contextTokens, width]),
  ];
  const linear = (name: string, norm: string | undefined, inputs: number, outputs: number) => {
    jobs.push({ kind: "linear", name, norm, outputs: quantised(precision, name, inputs, outputs) });
  };
  for (let layer = 0; layer < config.layers; layer++) {
    const block = `h.${layer}`;
    linear(`${block}.attn.c_attn`, `${block}.ln_1`, width, 3 * width);
    linear(`${block}.attn.c_proj`, undefined, width, width);
    linear(`${block}.mlp.c_fc`, `${block}.ln_2`, width, innerWidth);
    linear(`${block}.mlp.c_proj`, undefined, innerWidth, width);
  }
  const from = config.tiedEmbeddings ? "wte.weight" : "lm_head.weight";
  const outputs = quantised(precision, "lm_head", width, vocabularySize);
  return [...jobs, { kind: "head", from, norm: "ln_f", outputs }];
}

function copy(name: string, shape: readonly number[]): WeightJob {
  return { kind: "copy", outputs: [{ name, type: "float32", shape }] };
}

function embedding(vocabularySize: number, width: number): WeightJob {
  const scales = [vocabularySize, Math.ceil(width / blockSize)];
  return {
    kind: "embedding",
    outputs: [
      { name: "wte.weight", type: "uint8", shape: [vocabularySize, width] },
      { name: "wte.scale", type: "float32", shape: scales },
    ],
  };
}

/** As MatMulIntegerToFloat and MatMulNBits take them; a last block that is not full is padded. */
function quantised(
  precision: QuantisedPrecision,
  name: string,
  inputs: number,
  outputs: number,
): QuantisedLinear {
  const bias = { name: `${name}.bias`, type: "float32", shape: [outputs] } as const;
  const values = { name: `${name}.weight` };
  const scales = { name: `${name}.scale`, type: "float32" } as const;
  switch (precision) {
    case "int8":
      return [
        { ...values, type: "int8", shape: [inputs, outputs] },
        { ...scales, shape: [outputs] },
        bias,
      ];
    case "int8-block32": {
      const blocks = Math.ceil(inputs / blockSize);
      return [
        { ...values, type: "uint8", shape: [outputs, blocks, blockSize] },
        { ...scales, shape: [outputs, blocks] },
        bias,
      ];
    }
    default:
      return precision satisfies never;
  }
}
