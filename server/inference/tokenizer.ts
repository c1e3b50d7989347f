import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer as BytePairTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { UnavailableError } from "../errors.ts";
import { bytesOfToken } from "./byte-alphabet.ts";
import type { Tokenizer } from "./engine.ts";

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ vocab: z.record(z.string(), z.int().nonnegative()) }),
  added_tokens: z.array(z.looseObject({ id: z.int().nonnegative(), content: z.string() })),
});

/** Reads a model folder's tokenizer; throws an UnavailableError that names the folder. */
export async function loadTokenizer(folder: string, endOfTextId: number): Promise<Tokenizer> {
  try {
    const text = await readFile(join(folder, "tokenizer.json"), "utf8");
    const config = await readFile(join(folder, "tokenizer_config.json"), "utf8");
    return createTokenizer(
      tokenizerSchema.parse(JSON.parse(text)),
      JSON.parse(config),
      endOfTextId,
    );
  } catch (cause) {
    throw new UnavailableError(
      `The tokenizer in ${folder} cannot be read. Import it again.`,
      cause,
    );
  }
}

/** Without its added tokens the library has no way to see "<|endoftext|>" in a text as special. */
function createTokenizer(
  definition: z.infer<typeof tokenizerSchema>,
  config: object,
  endOfTextId: number,
): Tokenizer {
  const plain = new BytePairTokenizer({ ...definition, added_tokens: [] }, config);
  const special = new Set(definition.added_tokens.map(({ id }) => id));
  const bytes: Uint8Array[] = [];
  for (const [token, id] of Object.entries(definition.model.vocab)) {
    if (!special.has(id)) bytes[id] = bytesOfToken(token);
  }
  return {
    endOfTextId,
    encode(text) {
      if (text === "") return [];
      return plain.encode(wellFormed(text), { add_special_tokens: false }).ids;
    },
    bytes: (id) => bytes[id] ?? new Uint8Array(),
  };
}

/** Surrogates without their other half become U+FFFD, as they would in UTF-8. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
