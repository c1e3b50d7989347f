import type { Gpt2Config } from "./gpt2-config.ts";
import { ModelRefusedError } from "./refusal.ts";
import type { TensorEntry } from "./safetensors.ts";

/** One tensor of the model: its name without prefix, the shape it must have, its name in the file. */
export interface ModelTensor {
  name: string;
  shape: readonly number[];
  storedName: string;
}

/** Whether it is a buffer that old checkpoints carry beside the weights: the causal mask, in any format. */
export function isMaskBuffer(name: string): boolean {
  return /\.attn\.(bias|masked_bias)$/.test(name);
}

const prefix = "transformer.";

/** Finds every weight that the configuration calls for; refuses missing, misshapen and foreign ones. */
export function matchTensors(
  config: Gpt2Config,
  entries: ReadonlyMap<string, TensorEntry>,
): ModelTensor[] {
  const expected = expectedShapes(config);
  const used = new Set<string>();
  const tensors = [...expected].map(([name, shape]) => {
    const storedName = entries.has(prefix + name) ? prefix + name : name;
    const entry = entries.get(storedName);
    if (entry === undefined) throw refusal(name, "the tensor is missing.");
    if (!sameShape(entry.shape, shape)) {
      const found = entry.shape.join("×");
      throw refusal(storedName, `the shape is ${found}, config.json calls for ${shape.join("×")}.`);
    }
    used.add(storedName);
    return { name, shape, storedName };
  });
  refuseForeign(entries, used, config);
  return tensors;
}

/** A tied output projection may be stored a second time; anything else unknown is another model. */
function refuseForeign(
  entries: ReadonlyMap<string, TensorEntry>,
  used: ReadonlySet<string>,
  config: Gpt2Config,
): void {
  for (const name of entries.keys()) {
    const ignored = config.tiedEmbeddings && name === "lm_head.weight";
    if (!ignored && !used.has(name)) throw refusal(name, "a plain GPT-2 has no such tensor.");
  }
}

/** Every weight that a GPT-2 of this configuration has, and its shape. */
export function expectedShapes(config: Gpt2Config): Map<string, readonly number[]> {
  const { width, innerWidth } = config;
  const shapes = new Map<string, readonly number[]>([
    ["wte.weight", [config.vocabularySize, width]],
    ["wpe.weight", [config.contextTokens, width]],
  ]);
  const layerNorm = (name: string) => {
    shapes.set(`${name}.weight`, [width]).set(`${name}.bias`, [width]);
  };
  const linear = (name: string, inputs: number, outputs: number) => {
    shapes.set(`${name}.weight`, [inputs, outputs]).set(`${name}.bias`, [outputs]);
  };
  for (let layer = 0; layer < config.layers; layer++) {
    layerNorm(`h.${layer}.ln_1`);
    linear(`h.${layer}.attn.c_attn`, width, 3 * width);
    linear(`h.${layer}.attn.c_proj`, width, width);
    layerNorm(`h.${layer}.ln_2`);
    linear(`h.${layer}.mlp.c_fc`, width, innerWidth);
    linear(`h.${layer}.mlp.c_proj`, innerWidth, width);
  }
  layerNorm("ln_f");
  if (!config.tiedEmbeddings) shapes.set("lm_head.weight", [config.vocabularySize, width]);
  return shapes;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

function refusal(tensor: string, what: string): ModelRefusedError {
  return new ModelRefusedError(
    `model.safetensors, tensor ${tensor}`,
    what,
    "Check that model.safetensors and config.json belong to the same model.",
  );
}
