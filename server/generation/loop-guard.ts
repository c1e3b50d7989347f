import { createLoopWatch, watchedTokens } from "../inference/loop-detection.ts";
import type { ModelToken } from "./model-text.ts";

/** Watches what a run writes for repeating itself, as long as nobody changes it. */
export class LoopGuard {
  readonly #watch = createLoopWatch();
  /** Units of each of the newest tokens that the watch has taken in. */
  #lengths: number[] = [];

  /** Takes in what was committed; true where it now repeats itself. */
  wrote(tokens: readonly ModelToken[]): boolean {
    const lengths = tokens.map(({ text }) => text.length);
    this.#lengths = [...this.#lengths, ...lengths].slice(-watchedTokens);
    // Every token is taken in, also after one that shows a loop.
    return tokens.map(({ id, text }) => this.#watch.add(id, text)).includes(true);
  }

  /**
   * The text before the caret is another, but for its last `untouched` units: what is watched begins
   * afresh where it is concerned.
   */
  edited(untouched: number): void {
    if (untouched < this.#lengths.reduce((sum, length) => sum + length, 0)) this.reset();
  }

  /** Forgets all. */
  reset(): void {
    this.#watch.reset();
    this.#lengths = [];
  }
}
