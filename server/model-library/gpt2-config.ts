import { z } from "zod";
import { ModelRefusedError } from "./refusal.ts";

/** Names under which Hugging Face configurations ask for the tanh form of GELU. */
const tanhGeluNames: readonly string[] = ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"];

const size = (limit: number) => z.int().min(1).max(limit);

const configSchema = z.object({
  model_type: z.string(),
  activation_function: z.string().default("gelu_new"),
  vocab_size: size(1_000_000),
  n_positions: size(65_536),
  n_embd: size(16_384),
  n_layer: size(256),
  n_head: size(256),
  n_inner: size(65_536).nullish(),
  layer_norm_epsilon: z.number().positive().max(1).default(1e-5),
  eos_token_id: z.int().min(0),
  tie_word_embeddings: z.boolean().default(true),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  add_cross_attention: z.boolean().default(false),
});

/** The sizes of one GPT-2. */
export interface Gpt2Config {
  vocabularySize: number;
  contextTokens: number;
  width: number;
  innerWidth: number;
  layers: number;
  heads: number;
  headSize: number;
  layerNormEpsilon: number;
  endOfTextId: number;
  /** Whether the output projection is the token embedding itself. */
  tiedEmbeddings: boolean;
}

const where = "config.json";

/** Reads a Hugging Face `config.json`; refuses every model that our graph would compute wrongly. */
export function parseGpt2Config(text: string): Gpt2Config {
  const config = parseFields(parseJson(text));
  refuseUnsupported(config);
  return {
    vocabularySize: config.vocab_size,
    contextTokens: config.n_positions,
    width: config.n_embd,
    innerWidth: config.n_inner ?? 4 * config.n_embd,
    layers: config.n_layer,
    heads: config.n_head,
    headSize: config.n_embd / config.n_head,
    layerNormEpsilon: config.layer_norm_epsilon,
    endOfTextId: config.eos_token_id,
    tiedEmbeddings: config.tie_word_embeddings,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelRefusedError(where, "it is not valid JSON.", "Download it again.", cause);
  }
}

function parseFields(json: unknown): z.infer<typeof configSchema> {
  refuseOtherArchitectures(json);
  const result = configSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new ModelRefusedError(
    where,
    `the field "${issue?.path.join(".")}" is not usable (${issue?.message}).`,
    "Compare it with the configuration that the model was published with.",
  );
}

function refuseOtherArchitectures(json: unknown): void {
  const type = z.object({ model_type: z.string() }).safeParse(json).data?.model_type;
  if (type === "gpt2") return;
  throw new ModelRefusedError(
    where,
    `the model type is ${type === undefined ? "missing" : `"${type}"`}.`,
    'Only GPT-2 models (model_type "gpt2") can be imported.',
  );
}

function refuseUnsupported(config: z.infer<typeof configSchema>): void {
  const refuse = (what: string) =>
    new ModelRefusedError(where, what, "This kind of GPT-2 cannot be imported.");
  if (!tanhGeluNames.includes(config.activation_function)) {
    throw refuse(`the activation function "${config.activation_function}" is not gelu_new.`);
  }
  if (config.n_embd % config.n_head !== 0 || (config.n_embd / config.n_head) % 8 !== 0) {
    throw refuse("n_embd divided by n_head has to be a multiple of 8.");
  }
  if (config.eos_token_id >= config.vocab_size) {
    throw refuse("eos_token_id lies outside the vocabulary.");
  }
  if (!config.scale_attn_weights) throw refuse("scale_attn_weights is off.");
  if (config.scale_attn_by_inverse_layer_idx) {
    throw refuse("scale_attn_by_inverse_layer_idx is on.");
  }
  if (config.add_cross_attention) throw refuse("add_cross_attention is on.");
}
