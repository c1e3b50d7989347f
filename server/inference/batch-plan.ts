import type { Share, StepRoom, Task } from "./task.ts";

/** Prompt tokens of one step: more where nobody waits beside them for the next token. */
const promptTokensAlone = 128;
const promptTokensBesideOthers = 32;
/** A row of so many costs little more than one of a single token: it is not counted as a prompt's. */
export const shortRow = 8;

/**
 * What the next step computes: a token for each task that draws, the one that was served longest ago
 * first, and besides at most one chunk of prompts and one of kept halves, however many there are: so
 * nobody who streams waits longer than that for anybody. A task that throws is failed, alone.
 */
export function planStep(
  ready: readonly Task[],
  maxRows: number,
  rebuilds: readonly Share[],
  fail: (task: Task, error: unknown) => void,
): Share[] {
  const shares = [...rebuilds];
  const someoneDraws = ready.some(({ pendingTokens }) => pendingTokens <= shortRow);
  let promptTokens = someoneDraws ? promptTokensBesideOthers : promptTokensAlone;
  for (const task of ready) {
    const own = sharesOf(task, { rows: maxRows - shares.length, promptTokens }, fail);
    for (const { tokens } of own) {
      if (tokens.length > shortRow) promptTokens -= tokens.length;
    }
    shares.push(...own);
  }
  return shares;
}

function sharesOf(task: Task, room: StepRoom, fail: (task: Task, error: unknown) => void): Share[] {
  try {
    return task.nextShares(room);
  } catch (error) {
    fail(task, error);
    return [];
  }
}
