import type { Tokenizer } from "./engine.ts";

/** Longer spellings have no other one of two tokens. */
const mostTokensToSplit = 2;

/**
 * The token sequences that write one of these words or phrases: as given and with a capital, each
 * with and without a space before it, as the tokenizer spells it; and where that takes one token or
 * two, by any other two. A sequence may also begin a longer word, which is then not written either.
 */
export function bannedSequencesOf(
  words: readonly string[],
  tokenizer: Pick<Tokenizer, "encode">,
): number[][] {
  const sequences = new Map<string, number[]>();
  for (const text of new Set(words.flatMap(formsOf))) {
    for (const ids of spellingsOf(text, tokenizer)) sequences.set(ids.join(" "), ids);
  }
  return [...sequences.values()];
}

function formsOf(word: string): string[] {
  const given = word.trim();
  if (given === "") return [];
  const [first = "", ...rest] = given;
  const capital = first.toUpperCase() + rest.join("");
  return [given, capital].flatMap((form) => [form, ` ${form}`]);
}

function spellingsOf(text: string, { encode }: Pick<Tokenizer, "encode">): number[][] {
  const usual = encode(text);
  if (usual.length > mostTokensToSplit) return [usual];
  const characters = Array.from(text);
  const splits = characters
    .slice(1)
    .map((_, before) => [
      ...encode(characters.slice(0, before + 1).join("")),
      ...encode(characters.slice(before + 1).join("")),
    ]);
  return [usual, ...splits.filter((ids) => ids.length === 2)];
}
