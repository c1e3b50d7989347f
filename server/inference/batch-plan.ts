import type { Share, StepRoom, Task } from "./task.ts";

/** Prompt tokens of one step: the fewer the more somebody beside them would wait for it. */
const promptTokensAlone = 256;
const promptTokensBesidePrompts = 128;
const promptTokensBesideDrawing = 32;
/** A row of so many costs little more than one of a single token: it is not counted as a prompt's. */
export const shortRow = 8;

export interface StepPlan {
  /** Those that can go on now. */
  ready: readonly Task[];
  /** How many there are in all, ready or not, with those who wait for a place. */
  live: number;
  maxRows: number;
  rebuilds: readonly Share[];
  fail: (task: Task, error: unknown) => void;
}

/**
 * What the next step computes: a token for each task that draws, the one that was served longest ago
 * first, and besides at most one chunk of prompts and one of kept halves, however many there are: so
 * nobody who streams waits longer than that for anybody. A task that throws is failed, alone.
 */
export function planStep({ ready, live, maxRows, rebuilds, fail }: StepPlan): Share[] {
  const shares = [...rebuilds];
  let promptTokens = promptTokensOf(ready, live);
  for (const task of ready) {
    const own = sharesOf(task, { rows: maxRows - shares.length, promptTokens }, fail);
    for (const { tokens } of own) {
      if (tokens.length > shortRow) promptTokens -= tokens.length;
    }
    shares.push(...own);
  }
  return shares;
}

function promptTokensOf(ready: readonly Task[], live: number): number {
  if (ready.some(({ pendingTokens }) => pendingTokens <= shortRow))
    return promptTokensBesideDrawing;
  return live > 1 ? promptTokensBesidePrompts : promptTokensAlone;
}

function sharesOf(task: Task, room: StepRoom, fail: (task: Task, error: unknown) => void): Share[] {
  try {
    return task.nextShares(room);
  } catch (error) {
    fail(task, error);
    return [];
  }
}
