import { z } from "zod";
import type { Gpt2Config } from "./gpt2-config.ts";
import { ModelRefusedError } from "./refusal.ts";

const tokenizerSchema = z.object({
  pre_tokenizer: z.object({ type: z.literal("ByteLevel") }),
  model: z.object({ type: z.literal("BPE"), vocab: z.record(z.string(), z.int().nonnegative()) }),
  added_tokens: z.array(z.object({ id: z.int().nonnegative(), content: z.string() })),
});

/** Refuses a tokenizer.json that is not byte-level BPE or that does not fit the model's vocabulary. */
export function checkTokenizer(text: string, config: Gpt2Config): void {
  const { model, added_tokens } = parse(text);
  const ids = [...Object.values(model.vocab), ...added_tokens.map(({ id }) => id)];
  const outside = ids.find((id) => id >= config.vocabularySize);
  if (outside !== undefined) {
    throw refusal(`token ${outside} lies outside the vocabulary of ${config.vocabularySize}.`);
  }
  if (!ids.includes(config.endOfTextId)) {
    throw refusal(`the end-of-text token ${config.endOfTextId} of config.json is not in it.`);
  }
}

function parse(text: string): z.infer<typeof tokenizerSchema> {
  try {
    return tokenizerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw refusal("it is not a byte-level BPE tokenizer.", cause);
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
