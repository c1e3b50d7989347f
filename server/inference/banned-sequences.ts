import type { TokenHistory } from "./token-history.ts";

/**
 * The tokens that would complete one of the sequences after this history; of a sequence of one token
 * it is that one, always (Hugging Face's NoBadWordsLogitsProcessor).
 */
export function completingTokens(
  sequences: readonly (readonly number[])[],
  history: TokenHistory,
): number[] {
  const completing: number[] = [];
  for (const sequence of sequences) {
    const last = sequence.at(-1);
    if (last !== undefined && history.endsWith(sequence, sequence.length - 1)) {
      completing.push(last);
    }
  }
  return completing;
}
