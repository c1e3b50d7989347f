import { RateLimiterMemory } from "rate-limiter-flexible";
import { TooManyError } from "../errors.ts";
import type { Limit } from "./throttle-limits.ts";

/** Counts what comes under a key within a window that begins with the first; in this process's memory. */
export interface Counter {
  /** Milliseconds until the window ends, where it is full; 0 where there is room. */
  fullFor(key: string): Promise<number>;
  /** Throws TooManyError with the sentence where there is no room. */
  check(key: string, sentence: string): Promise<void>;
  /** Counts one, full or not. */
  add(key: string): Promise<void>;
  /** Counts one if there is room; throws TooManyError with the sentence otherwise. */
  take(key: string, sentence: string): Promise<void>;
  clear(key: string): Promise<void>;
}

export function createCounter({ count, seconds }: Limit): Counter {
  const limiter = new RateLimiterMemory({ points: count, duration: seconds });

  async function fullFor(key: string): Promise<number> {
    const counted = await limiter.get(key);
    return counted !== null && counted.consumedPoints >= count ? counted.msBeforeNext : 0;
  }

  async function check(key: string, sentence: string): Promise<void> {
    const waitMs = await fullFor(key);
    if (waitMs > 0) throw tooMany(sentence, waitMs);
  }

  return {
    fullFor,
    check,
    async add(key) {
      await limiter.penalty(key);
    },
    async take(key, sentence) {
      await check(key, sentence);
      await limiter.penalty(key);
    },
    async clear(key) {
      await limiter.delete(key);
    },
  };
}

/** Says when to come again behind a sentence that says what there was too much of. */
export function tooMany(sentence: string, waitMs: number): TooManyError {
  return new TooManyError(`${sentence} Try again ${inWords(waitMs)}.`, waitMs);
}

/** "in 40 seconds", "in 14 minutes", "in 5 hours": never sooner than it is. */
export function inWords(waitMs: number): string {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  if (seconds < 90) return `in ${seconds} ${seconds === 1 ? "second" : "seconds"}`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 90) return `in ${minutes} minutes`;
  return `in ${Math.ceil(minutes / 60)} hours`;
}
