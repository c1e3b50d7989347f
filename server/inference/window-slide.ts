import { fewestTokens, pieceLength, type SequenceMemory } from "./sequence-memory.ts";
import type { Share, Task } from "./task.ts";

/** How many tokens stay when a window of `contextTokens` is full. */
export function keptHalf(contextTokens: number): number {
  return Math.floor(contextTokens / 2);
}

/** Tokens of kept halves that one step computes beside a single draw, which they nearly double. */
const pieceBesideOne = 8;
/** And at most: the more draw the longer a step takes anyway. */
const longestPiece = 16;
/** One begins so many times the steps ahead that are needed if none is left out. */
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

  /** Tokens of the kept half that are still to be computed, known or not. */
  get left(): number {
    return keptHalf(this.#contextTokens) - this.#computed;
  }

  /** Those of them that are known. */
  get pending(): number {
    return this.tokens.length - this.#computed;
  }

  /** What to compute next, at most `most` tokens of it; none where less than `fewest` wait for it. */
  nextPiece(fewest: number, most: number): readonly number[] {
    const { pending } = this;
    if (pending < fewest) return [];
    return this.tokens.slice(this.#computed).slice(0, pieceLength(pending, most));
  }

  get #computed(): number {
    return this.memory?.computed.length ?? 0;
  }
}

/** Rows that pieces may take from those who draw, where several windows end together. */
const mostRows = 4;

/**
 * The pieces of kept halves that belong into the next step: a chunk a step, of the run that is
 * nearest to its window's end; towards the end what is left of several.
 */
export function nextRebuilds(
  tasks: readonly Task[],
  maxRows: number,
  provideMemory: (task: Task, slide: WindowSlide) => SequenceMemory | undefined,
): Share[] {
  const usual = Math.min(longestPiece, pieceBesideOne * tasks.length);
  const near = nearToTheirEnds(tasks, usual);
  const rows = maxRows < 2 ? 0 : Math.max(Math.min(mostRows, maxRows / 2), maxRows - tasks.length);
  const shares: Share[] = [];
  const chunk = Math.min(longestPiece, Math.max(usual, neededPiece(near)));
  let left = chunk;
  for (const { task, slide } of near) {
    if (shares.length >= rows || left < fewestTokens) break;
    const fewest = slide.drawsLeft <= near.length ? fewestTokens : chunk;
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

interface EndingWindow {
  task: Task;
  slide: WindowSlide;
}

/** Those that have begun, and those that have to because of all that is to be done before they end. */
function nearToTheirEnds(tasks: readonly Task[], piece: number): EndingWindow[] {
  const all = tasks.flatMap((task) =>
    task.slide === undefined ? [] : [{ task, slide: task.slide }],
  );
  const isNear = ({ memory, drawsLeft }: WindowSlide) => {
    if (memory !== undefined) return true;
    let left = 0;
    for (const { slide } of all) if (slide.drawsLeft <= drawsLeft) left += slide.left;
    return drawsLeft <= (left / piece) * slack;
  };
  return all
    .filter(({ slide }) => isNear(slide))
    .sort((a, b) => a.slide.drawsLeft - b.slide.drawsLeft || b.slide.pending - a.slide.pending);
}

/** What each step has to compute so that all are done in time, where some began late: others went. */
function neededPiece(near: readonly EndingWindow[]): number {
  let left = 0;
  let most = 0;
  for (const { slide } of near) {
    left += slide.left;
    most = Math.max(most, left / slide.drawsLeft);
  }
  return Math.ceil(most);
}
