import { fewestTokens } from "./sequence-memory.ts";
import type { Share, Task } from "./task.ts";

/** Prompt tokens of one step: more where nobody waits beside them for the next token. */
const promptTokensAlone = 128;
const promptTokensBesideOthers = 32;

/**
 * What the next step computes: a token for each task that draws, the one that was served longest ago
 * first, and besides at most one chunk of prompts and one piece of a kept half, however many there
 * are; so nobody who streams waits longer than that for anybody.
 */
export function planStep(
  ready: readonly Task[],
  maxRows: number,
  rebuild: Share | undefined,
): Share[] {
  const shares = rebuild === undefined || maxRows < 2 ? [] : [rebuild];
  const someoneDraws = ready.some(({ pendingTokens }) => pendingTokens <= fewestTokens);
  let promptTokens = someoneDraws ? promptTokensBesideOthers : promptTokensAlone;
  for (const task of ready) {
    const own = task.nextShares({ rows: maxRows - shares.length, promptTokens });
    for (const { tokens } of own) {
      if (tokens.length > fewestTokens) promptTokens -= tokens.length;
    }
    shares.push(...own);
  }
  return shares;
}
