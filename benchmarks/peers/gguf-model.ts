import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Gpt2Config, parseGpt2Config } from "../../server/model-library/gpt2-config.ts";
import { matchTensors } from "../../server/model-library/gpt2-tensors.ts";
import { openSafetensors } from "../../server/model-library/safetensors.ts";
import { encodeGguf, type GgufType } from "./gguf-blocks.ts";
import { type GgufTensor, type GgufValue, writeGguf } from "./gguf-file.ts";
import { transpose } from "./transpose.ts";

const tokenizerSchema = z.object({
  model: z.object({
    vocab: z.record(z.string(), z.int()),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});

/** llama.cpp's names of a GPT-2's tensors outside its blocks. */
const outerNames: Readonly<Record<string, string>> = {
  "wte.weight": "token_embd.weight",
  "wpe.weight": "position_embd.weight",
  "ln_f.weight": "output_norm.weight",
  "ln_f.bias": "output_norm.bias",
};
const innerNames: Readonly<Record<string, string>> = {
  ln_1: "attn_norm",
  "attn.c_attn": "attn_qkv",
  "attn.c_proj": "attn_output",
  ln_2: "ffn_norm",
  "mlp.c_fc": "ffn_up",
  "mlp.c_proj": "ffn_down",
};

/**
 * Makes of a Hugging Face GPT-2 folder the GGUF file that llama.cpp's own converter makes. Unlike
 * its `q4_0` files, in which the output matrix has six bits, ours have four there too: less to read.
 */
export async function writeGgufModel(source: string, path: string, type: GgufType): Promise<void> {
  const config = parseGpt2Config(await readFile(join(source, "config.json"), "utf8"));
  const weights = await openSafetensors(join(source, "model.safetensors"));
  try {
    const tensors = matchTensors(config, weights.entries).map(({ name, shape, storedName }) =>
      describeTensor(name, shape, type, () =>
        weights.read(
          storedName,
          0,
          shape.reduce((product, size) => product * size, 1),
        ),
      ),
    );
    const metadata = {
      ...describeModel(config, type),
      ...(await describeTokenizer(source, config)),
    };
    await writeGguf(path, metadata, tensors);
  } finally {
    await weights.close();
  }
}

function describeTensor(
  name: string,
  shape: readonly number[],
  wanted: GgufType,
  read: () => Promise<Float32Array>,
): GgufTensor {
  const isLinear = name.startsWith("h.") && shape.length === 2;
  const type = isLinear || name === "wte.weight" ? wanted : "f32";
  const [rows = 0, columns = 0] = shape;
  return {
    name: ggufName(name),
    // GPT-2's linear layers are stored [inputs, outputs]; llama.cpp has inputs run fastest.
    sizes: isLinear ? [rows, columns] : shape.toReversed(),
    type,
    async bytes() {
      const values = await read();
      return encodeGguf(isLinear ? transpose(values, rows, columns) : values, type);
    },
  };
}

function ggufName(name: string): string {
  const outer = outerNames[name];
  if (outer !== undefined) return outer;
  const [, layer, part, kind] = /^h\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  const inner = innerNames[part ?? ""];
  if (inner === undefined) throw new Error(`llama.cpp has no name for the tensor ${name}.`);
  return `blk.${layer}.${inner}.${kind}`;
}

/** llama.cpp's numbers for what most of a file is stored as. */
const fileTypes = { f32: 0, q4_0: 2, q8_0: 7 } as const;

function describeModel(config: Gpt2Config, type: GgufType): Record<string, GgufValue> {
  return {
    "general.architecture": { text: "gpt2" },
    "general.name": { text: "random" },
    "general.file_type": { u32: fileTypes[type] },
    "general.quantization_version": { u32: 2 },
    "gpt2.block_count": { u32: config.layers },
    "gpt2.context_length": { u32: config.contextTokens },
    "gpt2.embedding_length": { u32: config.width },
    "gpt2.feed_forward_length": { u32: config.innerWidth },
    "gpt2.attention.head_count": { u32: config.heads },
    "gpt2.attention.layer_norm_epsilon": { f32: config.layerNormEpsilon },
  };
}

const tokenTypes = { normal: 1, control: 3 } as const;

async function describeTokenizer(
  source: string,
  config: Gpt2Config,
): Promise<Record<string, GgufValue>> {
  const text = await readFile(join(source, "tokenizer.json"), "utf8");
  const { vocab, merges } = tokenizerSchema.parse(JSON.parse(text)).model;
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(vocab)) tokens[id] = token;
  return {
    "tokenizer.ggml.model": { text: "gpt2" },
    "tokenizer.ggml.pre": { text: "gpt-2" },
    "tokenizer.ggml.tokens": { texts: tokens },
    "tokenizer.ggml.token_type": {
      i32s: tokens.map((_, id) =>
        id === config.endOfTextId ? tokenTypes.control : tokenTypes.normal,
      ),
    },
    "tokenizer.ggml.merges": {
      texts: merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" "))),
    },
    "tokenizer.ggml.bos_token_id": { u32: config.endOfTextId },
    "tokenizer.ggml.eos_token_id": { u32: config.endOfTextId },
    "tokenizer.ggml.add_bos_token": { bool: false },
  };
}
