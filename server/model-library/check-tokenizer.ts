import { z } from "zod";
import { bytesOfToken } from "../inference/byte-alphabet.ts";
import type { Gpt2Config } from "./gpt2-config.ts";
import { ModelRefusedError } from "./refusal.ts";

const id = z.int().nonnegative();
const pair = z.union([z.string(), z.tuple([z.string(), z.string()])]);

/** What is named here goes into the installed model, and nothing else. */
const tokenizerSchema = z.object({
  version: z.string().optional(),
  added_tokens: z.array(z.object({ id, content: z.string().max(1_000) })).max(100_000),
  // It could run patterns of its own over what people write.
  normalizer: z.null().optional(),
  pre_tokenizer: z.object({
    type: z.literal("ByteLevel"),
    add_prefix_space: z.boolean().optional(),
    trim_offsets: z.boolean().optional(),
    use_regex: z.literal(true).optional(),
  }),
  model: z.object({
    // The first files of this kind do not say it.
    type: z.literal("BPE").default("BPE"),
    continuing_subword_prefix: z.literal("").nullable().optional(),
    end_of_word_suffix: z.literal("").nullable().optional(),
    fuse_unk: z.boolean().optional(),
    byte_fallback: z.literal(false).optional(),
    ignore_merges: z.boolean().optional(),
    vocab: z.record(z.string(), id),
    merges: z.array(pair),
  }),
});
type Definition = z.infer<typeof tokenizerSchema>;

/**
 * Refuses a tokenizer.json that is not plain byte-level BPE or that does not fit the model's
 * vocabulary; returns the text to keep, which has nothing that was not checked.
 */
export function checkTokenizer(text: string, config: Gpt2Config): string {
  const definition = parse(text);
  const { model, added_tokens } = definition;
  const added = new Set(added_tokens.map((token) => token.id));
  const ids = new Set([...Object.values(model.vocab), ...added]);
  for (const token of ids) {
    if (token < config.vocabularySize) continue;
    throw refusal(`token ${token} lies outside the vocabulary of ${config.vocabularySize}.`);
  }
  if (!ids.has(config.endOfTextId)) {
    throw refusal(`the end-of-text token ${config.endOfTextId} of config.json is not in it.`);
  }
  refuseForeignBytes(model.vocab, added);
  const rest = { normalizer: null, post_processor: null, decoder: { type: "ByteLevel" } };
  return JSON.stringify({ ...definition, ...rest });
}

function refuseForeignBytes(vocab: Definition["model"]["vocab"], added: ReadonlySet<number>): void {
  const taken = new Set<number>();
  for (const [token, number] of Object.entries(vocab)) {
    if (taken.has(number)) throw refusal(`two tokens have the number ${number}.`);
    taken.add(number);
    if (added.has(number)) continue;
    try {
      bytesOfToken(token);
    } catch (cause) {
      throw refusal(`token ${number} is not written in byte-level characters.`, cause);
    }
  }
}

function parse(text: string): Definition {
  try {
    return tokenizerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw refusal("it is not a plain byte-level BPE tokenizer.", cause);
  }
}

function refusal(what: string, cause?: unknown): ModelRefusedError {
  return new ModelRefusedError(
    "tokenizer.json",
    what,
    "Check that it belongs to the same model as config.json.",
    cause,
  );
}
