import { fewestTokens, pieceLength, type SequenceMemory } from "./sequence-memory.ts";
import type { Share, Task } from "./task.ts";

/** How many tokens stay when a window of `contextTokens` is full. */
export function keptHalf(contextTokens: number): number {
  return Math.floor(contextTokens / 2);
}

/** Tokens of the kept half that one step computes beside what runs. */
const rebuildChunk = 16;
/** So many more steps than are needed if none is left out. */
const slack = 1.4;

/**
 * The end of one window: positions are absolute in GPT-2, so the half that stays needs new keys and
 * values at its new place. They are computed in a second memory while the run goes on in the first.
 */
export class WindowSlide {
  /** Where the kept half is being computed; none before its first piece. */
  memory: SequenceMemory | undefined;
  readonly #window: readonly number[];
  readonly #contextTokens: number;

  /** `window` grows while it is watched. */
  constructor(window: readonly number[], contextTokens: number) {
    this.#window = window;
    this.#contextTokens = contextTokens;
  }

  /** Tokens that can still be drawn before it; it takes place when the last of them is. */
  get drawsLeft(): number {
    return this.#contextTokens + 1 - this.#window.length;
  }

  /** The tokens of the next window that are known so far. */
  get tokens(): readonly number[] {
    return this.#window.slice(this.#contextTokens + 1 - keptHalf(this.#contextTokens));
  }

  /** Steps ahead of it at which a single run begins. */
  get leadSteps(): number {
    return Math.ceil((keptHalf(this.#contextTokens) / rebuildChunk) * slack);
  }

  /** What to compute next, at most `most` tokens of it; none where less than `fewest` wait for it. */
  nextPiece(fewest: number, most: number): readonly number[] {
    const tokens = this.tokens;
    const computed = this.memory?.computed.length ?? 0;
    const pending = tokens.length - computed;
    if (pending < fewest) return [];
    return tokens.slice(computed, computed + pieceLength(pending, most));
  }
}

/** Rows that pieces may take from those who draw, where several windows end together. */
const mostRows = 4;

/**
 * The pieces of kept halves that belong into the next step: a chunk a step, of the run that is
 * nearest to its window's end; towards the end what is left of several. The n-th nearest begins n
 * times as early, so that all are in time.
 */
export function nextRebuilds(
  tasks: readonly Task[],
  maxRows: number,
  provideMemory: (task: Task, slide: WindowSlide) => SequenceMemory | undefined,
): Share[] {
  const near = tasks
    .flatMap((task) => (task.slide === undefined ? [] : [{ task, slide: task.slide }]))
    .sort((a, b) => a.slide.drawsLeft - b.slide.drawsLeft)
    .filter(({ slide }, rank) => slide.drawsLeft <= slide.leadSteps * (rank + 1));
  const rows = maxRows < 2 ? 0 : Math.max(Math.min(mostRows, maxRows / 2), maxRows - tasks.length);
  const shares: Share[] = [];
  let left = rebuildChunk;
  for (const { task, slide } of near) {
    if (shares.length >= rows || left < fewestTokens) break;
    const fewest = slide.drawsLeft <= near.length ? fewestTokens : rebuildChunk;
    if (slide.nextPiece(fewest, left).length === 0) continue;
    slide.memory ??= provideMemory(task, slide);
    const { memory } = slide;
    const tokens = memory === undefined ? [] : slide.nextPiece(fewest, left);
    if (memory === undefined || tokens.length === 0) continue;
    shares.push({ task, memory, tokens, outputs: 0 });
    left -= tokens.length;
  }
  return shares;
}
