import { readFile } from "node:fs/promises";
import { z } from "zod";

const small = new URL("../models/tales/tokenizer.json", import.meta.url);
const endOfText = "<|endoftext|>";

const definitionSchema = z.looseObject({
  model: z.looseObject({
    vocab: z.record(z.string(), z.int()),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});

/**
 * A byte-level BPE tokenizer.json with exactly so many tokens, the last of which ends a text. It
 * begins as that of the model that ships, so that text is encoded as usual; what a larger vocabulary
 * has beyond are merges of two known tokens, which a text hardly holds.
 */
export async function randomTokenizer(vocabulary: number): Promise<unknown> {
  const { model, ...rest } = definitionSchema.parse(JSON.parse(await readFile(small, "utf8")));
  const known = Object.entries(model.vocab)
    .filter(([token]) => token !== endOfText)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token)
    .slice(0, vocabulary - 1);
  if (known.length < 256) throw new Error("A byte-level vocabulary has 257 tokens at least.");
  const tokens = new Set(known);
  const merges = model.merges
    .map((merge) => (typeof merge === "string" ? merge.split(" ") : merge))
    .filter((parts) => parts.every((part) => tokens.has(part)) && tokens.has(parts.join("")));
  merges.push(...addTokens(tokens, known, vocabulary - 1));
  const vocab = Object.fromEntries([...tokens, endOfText].map((token, id) => [token, id]));
  const added = { id: vocabulary - 1, content: endOfText, special: true, normalized: false };
  return { ...rest, added_tokens: [added], model: { ...model, vocab, merges } };
}

/** Adds joined pairs of the known tokens until there are `count`; returns the pairs. */
function addTokens(tokens: Set<string>, known: readonly string[], count: number): string[][] {
  const pairs: string[][] = [];
  for (const first of known.toReversed()) {
    for (const second of known) {
      if (tokens.size >= count) return pairs;
      if (tokens.has(first + second)) continue;
      tokens.add(first + second);
      pairs.push([first, second]);
    }
  }
  return pairs;
}
