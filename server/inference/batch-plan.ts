import type { Share, Task } from "./task.ts";

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
 * nobody who streams waits longer than that for anybody. A task that throws, or whom the system refuses
 * memory for its tokens, is failed, alone.
 */
export function planStep({ ready, live, maxRows, rebuilds, fail }: StepPlan): Share[] {
  const shares = rebuilds.flatMap((share) =>
    unlessItThrows(share.task, () => withMemory([share]), fail),
  );
  let promptTokens = promptTokensOf(ready, live);
  for (const task of ready) {
    const room = { rows: maxRows - shares.length, promptTokens };
    const own = unlessItThrows(task, () => withMemory(task.nextShares(room)), fail);
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

/** Takes the memory now: in the midst of a step there would be no telling whom the system refused it. */
function withMemory(shares: readonly Share[]): readonly Share[] {
  for (const { memory, tokens } of shares) {
    memory.cache.reserve(memory.computed.length + tokens.length);
  }
  return shares;
}

function unlessItThrows(
  task: Task,
  plan: () => readonly Share[],
  fail: StepPlan["fail"],
): readonly Share[] {
  try {
    return plan();
  } catch (error) {
    fail(task, error);
    return [];
  }
}
