import type { KeyValueCache } from "./key-value-cache.ts";

/** What the model has computed of one sequence: its keys and values, and of which token ids. */
export interface SequenceMemory {
  cache: KeyValueCache;
  computed: number[];
}

/**
 * Forgets what does not lead to these tokens and returns how many stay. The last token is never
 * kept: its logits are wanted, so it has to be computed again.
 */
export function keepCommonPrefix(memory: SequenceMemory, tokens: readonly number[]): number {
  const limit = Math.min(memory.computed.length, tokens.length - 1);
  let kept = 0;
  while (kept < limit && memory.computed[kept] === tokens[kept]) kept++;
  memory.computed.length = kept;
  return kept;
}
