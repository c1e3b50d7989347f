import type { Clock } from "../jobs/clock.ts";
import type { ModelToken } from "./model-text.ts";

/** Gathers tokens and hands them on in flushes, one at a time. */
export interface TokenWriter {
  add(tokens: readonly ModelToken[]): void;
  /** Resolves when more may be drawn; rejects with the error of a flush. */
  room(): Promise<void>;
  /** Resolves once everything is written; rejects with the error of a flush. */
  finish(): Promise<void>;
  /** Forgets what is not being written, and waits for what is. */
  drop(): Promise<void>;
}

export interface TokenWriterOptions {
  /** Writes one flush; resolves once it is committed. */
  readonly write: (tokens: readonly ModelToken[]) => Promise<void>;
  clock: Clock;
}

const flushIntervalMs = 40;
/** The most tokens that wait while a flush is under way: a slow database slows the run. */
const mostWaiting = 64;

/** The first token goes at once, what comes after it with the flush of its 40 ms. */
export function createTokenWriter({ write, clock }: TokenWriterOptions): TokenWriter {
  let waiting: ModelToken[] = [];
  let writing: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;
  let lastFlushAt = Number.NEGATIVE_INFINITY;
  let failure: { error: unknown } | undefined;

  function flush(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    const tokens = waiting;
    waiting = [];
    lastFlushAt = clock.now();
    writing = write(tokens)
      .catch((error: unknown) => {
        failure ??= { error };
        waiting = [];
      })
      .finally(() => {
        writing = undefined;
        schedule();
      });
  }

  function schedule(): void {
    if (writing || waiting.length === 0 || failure) return;
    const delayMs = lastFlushAt + flushIntervalMs - clock.now();
    if (delayMs <= 0 || waiting.length >= mostWaiting) flush();
    else cancelTimer ??= clock.after(delayMs, flush);
  }

  function throwFailure(): void {
    if (failure) throw failure.error;
  }

  return {
    add(tokens) {
      waiting.push(...tokens);
      schedule();
    },
    async room() {
      if (waiting.length >= mostWaiting) await writing;
      throwFailure();
    },
    async finish() {
      while (writing || waiting.length > 0) {
        if (!writing) flush();
        await writing;
      }
      throwFailure();
    },
    async drop() {
      cancelTimer?.();
      cancelTimer = undefined;
      waiting = [];
      await writing;
    },
  };
}
