import type { KeyValueCache } from "./key-value-cache.ts";

/** What the model has computed of one text: keys and values, and of which token ids. */
export interface SequenceMemory {
  readonly cache: KeyValueCache;
  readonly computed: number[];
  /** The sequence that used it last; none once that is closed. */
  sequence: number | undefined;
}

/** How many tokens two texts have in common at their start, looked at up to `limit`. */
export function commonPrefix(
  one: readonly number[],
  other: readonly number[],
  limit = Infinity,
): number {
  const most = Math.min(one.length, other.length, limit);
  let length = 0;
  while (length < most && one[length] === other[length]) length++;
  return length;
}

/**
 * Rows of one token round otherwise than longer ones, and those all alike. So a prompt is computed in
 * pieces of no fewer tokens than this, and gives the same bits whoever computed how much of it in
 * which pieces; what is drawn is computed token by token.
 */
export const fewestTokens = 2;

/** Length of the next piece of a prompt with so much pending, where a step has room for `most`; 0: not now. */
export function pieceLength(pending: number, most: number): number {
  if (pending <= most) return pending;
  const length = pending - most < fewestTokens ? pending - fewestTokens : most;
  return length < fewestTokens ? 0 : length;
}
