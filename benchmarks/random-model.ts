import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseGpt2Config } from "../server/model-library/gpt2-config.ts";
import { expectedShapes } from "../server/model-library/gpt2-tensors.ts";
import { randomTokenizer } from "./random-tokenizer.ts";

/** What decides how fast a GPT-2 is; its values do not. */
export interface RandomModelShape {
  vocabulary: number;
  context: number;
  width: number;
  layers: number;
  heads: number;
}

const published = { vocabulary: 50_257, context: 1024 };

/** The published GPT-2s, and a small one for tests. */
export const randomModelShapes = {
  gpt2: { ...published, width: 768, layers: 12, heads: 12 },
  "gpt2-medium": { ...published, width: 1024, layers: 24, heads: 16 },
  "gpt2-large": { ...published, width: 1280, layers: 36, heads: 20 },
  "gpt2-xl": { ...published, width: 1600, layers: 48, heads: 25 },
  distilgpt2: { ...published, width: 768, layers: 6, heads: 12 },
  small: { vocabulary: 2048, context: 128, width: 64, layers: 2, heads: 4 },
} as const satisfies Record<string, RandomModelShape>;
export type RandomModelName = keyof typeof randomModelShapes;

const bytesPerValue = { fp32: 4, fp16: 2, bf16: 2 } as const;
const storedTypes = { fp32: "F32", fp16: "F16", bf16: "BF16" } as const;
export type RandomModelFormat = keyof typeof bytesPerValue;

export interface RandomModelRequest {
  /** One of the published shapes, or sizes of one's own. */
  shape: RandomModelName | RandomModelShape;
  /** Where the folder comes to be; there already, it is left as it is. */
  folder: string;
  /** By default fp32. */
  format?: RandomModelFormat;
  /** By default 1. The same seed and shape give the same bytes. */
  seed?: number;
}

/** Where benchmarks keep a random model between runs; git does not see it. */
export function randomModelFolder(name: RandomModelName, format: RandomModelFormat = "fp32") {
  const cache = resolve(import.meta.dirname, "../.cache/models");
  return join(cache, `${name}-random-${format}`);
}

/**
 * Writes a Hugging Face model folder (config.json, tokenizer.json, tokenizer_config.json,
 * model.safetensors) of a GPT-2 with random weights, tensor by tensor; returns the folder.
 */
export async function writeRandomModel(request: RandomModelRequest): Promise<string> {
  const { folder, format = "fp32", seed = 1 } = request;
  if (existsSync(folder)) return folder;
  const shape =
    typeof request.shape === "string" ? randomModelShapes[request.shape] : request.shape;
  const unfinished = `${folder}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    const config = JSON.stringify(configOf(shape), null, 2);
    const files = {
      "config.json": config,
      "tokenizer.json": JSON.stringify(await randomTokenizer(shape.vocabulary)),
      "tokenizer_config.json": JSON.stringify({
        tokenizer_class: "GPT2Tokenizer",
        model_max_length: shape.context,
      }),
      "README.md": "---\nlicense: mit\n---\nRandom weights: fast to make, nothing to read.\n",
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(unfinished, name), text);
    const tensors = expectedShapes(parseGpt2Config(config));
    await writeWeights(join(unfinished, "model.safetensors"), tensors, { format, seed });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

function configOf({ vocabulary, context, width, layers, heads }: RandomModelShape) {
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    activation_function: "gelu_new",
    vocab_size: vocabulary,
    n_positions: context,
    n_ctx: context,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    layer_norm_epsilon: 1e-5,
    bos_token_id: vocabulary - 1,
    eos_token_id: vocabulary - 1,
    tie_word_embeddings: true,
  };
}

interface Drawing {
  format: RandomModelFormat;
  seed: number;
}

async function writeWeights(
  path: string,
  tensors: ReadonlyMap<string, readonly number[]>,
  drawing: Drawing,
): Promise<void> {
  const file = await open(path, "wx");
  try {
    await writeHeader(file, tensors, drawing.format);
    const layers = [...tensors.keys()].filter((name) => name.endsWith(".ln_1.weight")).length;
    let seed = drawing.seed;
    for (const [name, shape] of tensors) {
      const draw = values(name, layers, seed++);
      await writeTensor(file, shape.reduce(multiply, 1), draw, drawing.format);
    }
  } finally {
    await file.close();
  }
}

const multiply = (a: number, b: number) => a * b;

async function writeHeader(
  file: FileHandle,
  tensors: ReadonlyMap<string, readonly number[]>,
  format: RandomModelFormat,
): Promise<void> {
  let end = 0;
  const table: Record<string, unknown> = { __metadata__: { format: "pt" } };
  for (const [name, shape] of tensors) {
    const begin = end;
    end += shape.reduce(multiply, bytesPerValue[format]);
    table[name] = { dtype: storedTypes[format], shape, data_offsets: [begin, end] };
  }
  const json = JSON.stringify(table);
  // As the format's own writers do: tensors begin at a multiple of eight bytes.
  const header = Buffer.from(json.padEnd(8 * Math.ceil(json.length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await file.write(Buffer.concat([length, header]));
}

const valuesAtOnce = 1 << 20;

async function writeTensor(
  file: FileHandle,
  count: number,
  draw: (index: number) => number,
  format: RandomModelFormat,
): Promise<void> {
  for (let begin = 0; begin < count; begin += valuesAtOnce) {
    const length = Math.min(valuesAtOnce, count - begin);
    const drawn = new Float32Array(length);
    for (let i = 0; i < length; i++) drawn[i] = draw(begin + i);
    const bytes = encode(drawn, format);
    let written = 0;
    while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten;
  }
}

function encode(drawn: Float32Array, format: RandomModelFormat): Uint8Array {
  if (format === "fp32") return new Uint8Array(drawn.buffer);
  const bits = new Uint32Array(drawn.buffer);
  const half = format === "bf16" ? (word: number) => word >>> 16 : toHalf;
  return new Uint8Array(Uint16Array.from(bits, half).buffer);
}

/** Cuts a 32-bit float off to IEEE 754 binary16; what is too small for it becomes zero. */
function toHalf(word: number): number {
  const exponent = ((word >>> 23) & 0xff) - 127 + 15;
  if (exponent <= 0) return 0;
  return ((word >>> 16) & 0x8000) | (exponent << 10) | ((word >>> 13) & 0x3ff);
}

/** Of so many channels one is loud in every layer, as in trained GPT-2s: quantisation meets it. */
const channelsPerLoudOne = 128;
const loudness = 8;

/**
 * The values of a tensor as GPT-2 begins its training (Radford et al. 2019, section 2.3: 0.02,
 * projections into the residual stream divided by the root of their number), but for layer norms,
 * which spread about 1 and have loud channels.
 */
function values(name: string, layers: number, seed: number): (index: number) => number {
  const normal = normals(seed);
  if (/ln_\w+\.weight$/.test(name)) {
    return (i) => (1 + 0.1 * normal()) * (i % channelsPerLoudOne === 7 ? loudness : 1);
  }
  const deviation = name.endsWith("c_proj.weight") ? 0.02 / Math.sqrt(2 * layers) : 0.02;
  return () => deviation * normal();
}

/** Normal numbers by Box and Muller's method over a 32-bit Weyl generator with a mixing step. */
function normals(seed: number): () => number {
  let state = Math.imul(seed, 0x85ebca6b) | 0;
  let spare: number | undefined;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return () => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

const isName = (name: string): name is RandomModelName => Object.hasOwn(randomModelShapes, name);
const isFormat = (name: string): name is RandomModelFormat => Object.hasOwn(bytesPerValue, name);

// `npx tsx benchmarks/random-model.ts gpt2 [--format fp16] [--folder PATH] [--seed 1]`
if (process.argv[1] === import.meta.filename) {
  const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      format: { type: "string", default: "fp32" },
      folder: { type: "string" },
      seed: { type: "string", default: "1" },
    },
  });
  const [name = ""] = positionals;
  const { format } = flags;
  if (!isName(name) || !isFormat(format)) {
    console.error(
      `Name one of ${Object.keys(randomModelShapes).join(", ")}; --format fp32, fp16, bf16.`,
    );
    process.exit(2);
  }
  const folder = flags.folder ?? randomModelFolder(name, format);
  console.log(await writeRandomModel({ shape: name, folder, format, seed: Number(flags.seed) }));
}
