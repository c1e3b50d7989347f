import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { uniform } from "../../inference/random.ts";

/** A GPT-2 of two layers with random weights; odd sizes show mixed-up axes. */
export const tinyConfig = {
  model_type: "gpt2",
  activation_function: "gelu_new",
  vocab_size: 40,
  n_positions: 24,
  n_embd: 32,
  n_layer: 2,
  n_head: 4,
  n_inner: 72,
  layer_norm_epsilon: 1e-5,
  eos_token_id: 39,
};

export interface StoredTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}
export type StoredTensors = Record<string, StoredTensor>;

/** Sizes that differ from the tiny model's. */
export type SourceSizes = Partial<typeof tinyConfig> & { tie_word_embeddings?: boolean };

/** The values of each tensor of the tiny model, or of one with other sizes, by its name without prefix. */
export function tinyWeights(
  sizes: SourceSizes = {},
): Map<string, { shape: number[]; values: Float32Array }> {
  const config = { ...tinyConfig, ...sizes };
  const { n_embd: width, n_inner: inner, vocab_size: entries } = config;
  const shapes: Record<string, number[]> = {
    "wte.weight": [entries, width],
    "wpe.weight": [config.n_positions, width],
  };
  const pair = (name: string, weight: number[], bias: number) => {
    shapes[`${name}.weight`] = weight;
    shapes[`${name}.bias`] = [bias];
  };
  for (let layer = 0; layer < config.n_layer; layer++) {
    pair(`h.${layer}.ln_1`, [width], width);
    pair(`h.${layer}.attn.c_attn`, [width, 3 * width], 3 * width);
    pair(`h.${layer}.attn.c_proj`, [width, width], width);
    pair(`h.${layer}.ln_2`, [width], width);
    pair(`h.${layer}.mlp.c_fc`, [width, inner], inner);
    pair(`h.${layer}.mlp.c_proj`, [inner, width], width);
  }
  pair("ln_f", [width], width);
  if (config.tie_word_embeddings === false) shapes["lm_head.weight"] = [entries, width];
  return new Map(
    Object.entries(shapes).map(([name, shape], seed) => {
      const length = shape.reduce((product, size) => product * size, 1);
      // Multiples of 1/64 below 1 in size: every number format holds them exactly.
      const value = (_: unknown, i: number) => Math.floor((uniform(seed, i) - 0.5) * 64) / 64;
      return [name, { shape, values: Float32Array.from({ length }, value) }];
    }),
  );
}

/** The tiny model's tensors as they are stored, in one of the formats that can be imported. */
export function tinyTensors(
  dtype: "F32" | "F16" | "BF16" = "F32",
  prefix = "transformer.",
  weights = tinyWeights(),
): StoredTensors {
  return Object.fromEntries(
    [...weights].map(([name, { shape, values }]) => [
      prefix + name,
      { dtype, shape, bytes: encode(values, dtype) },
    ]),
  );
}

function encode(values: Float32Array, dtype: "F32" | "F16" | "BF16"): Uint8Array {
  const bits = new Uint32Array(values.buffer);
  if (dtype === "F32") return new Uint8Array(values.buffer.slice(0));
  const halves = Uint16Array.from(bits, (word) => (dtype === "BF16" ? word >>> 16 : toHalf(word)));
  return new Uint8Array(halves.buffer);
}

/** For numbers that binary16 holds exactly and that are not subnormal there. */
function toHalf(word: number): number {
  if ((word & 0x7fffffff) === 0) return word >>> 16;
  const exponent = ((word >>> 23) & 0xff) - 127 + 15;
  return ((word >>> 16) & 0x8000) | (exponent << 10) | ((word >>> 13) & 0x3ff);
}

/** The bytes of a safetensors file; `header` may change its table before it is written. */
export function safetensors(
  tensors: StoredTensors,
  header: (table: Record<string, unknown>) => void = () => {},
): Buffer {
  const table: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    table[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  header(table);
  const json = Buffer.from(JSON.stringify(table));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}

const characters = Array.from({ length: 39 }, (_, i) => String.fromCharCode(33 + i));
export const tinyTokenizer = {
  version: "1.0",
  added_tokens: [{ id: 39, content: "<|endoftext|>", special: true }],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
  post_processor: null,
  decoder: { type: "ByteLevel" },
  model: {
    type: "BPE",
    vocab: Object.fromEntries(characters.map((character, id) => [character, id])),
    merges: [],
  },
};

export type SourceFiles = Record<string, string | Uint8Array>;

/** Everything a model folder needs; the values may be replaced before it is written. */
export function tinySource(sizes: SourceSizes = {}, weights = tinyWeights(sizes)): SourceFiles {
  return {
    "config.json": JSON.stringify({ ...tinyConfig, ...sizes }),
    "tokenizer.json": JSON.stringify(tinyTokenizer),
    "tokenizer_config.json": JSON.stringify({ tokenizer_class: "GPT2Tokenizer" }),
    "README.md": "---\nlicense: apache-2.0\n---\n# tiny\n",
    "model.safetensors": safetensors(tinyTensors("F32", "transformer.", weights)),
  };
}

export async function writeSource(folder: string, files: SourceFiles): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}
