import { pieceLength, type SequenceMemory } from "./sequence-memory.ts";
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

  /** What to compute next; less than a chunk is left for the last step. */
  nextPiece(): readonly number[] {
    const tokens = this.tokens;
    const computed = this.memory?.computed.length ?? 0;
    const pending = tokens.length - computed;
    if (pending < rebuildChunk && this.drawsLeft > 1) return [];
    return tokens.slice(computed, computed + pieceLength(pending, rebuildChunk));
  }
}

/**
 * The piece of a kept half that belongs into the next step: one a step, of the run that is nearest
 * to its window's end. The n-th nearest begins n times as early, so that all can be in time.
 */
export function nextRebuild(
  tasks: readonly Task[],
  provideMemory: (task: Task, slide: WindowSlide) => SequenceMemory | undefined,
): Share | undefined {
  const near = tasks
    .flatMap((task) => (task.slide === undefined ? [] : [{ task, slide: task.slide }]))
    .sort((a, b) => a.slide.drawsLeft - b.slide.drawsLeft);
  for (const [rank, { task, slide }] of near.entries()) {
    if (slide.drawsLeft > slide.leadSteps * (rank + 1)) continue;
    if (slide.nextPiece().length === 0) continue;
    slide.memory ??= provideMemory(task, slide);
    const tokens = slide.memory === undefined ? [] : slide.nextPiece();
    if (slide.memory !== undefined && tokens.length > 0)
      return { task, memory: slide.memory, tokens, outputs: 0 };
  }
  return undefined;
}
