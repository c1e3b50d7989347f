import { UnavailableError } from "../errors.ts";

/** Lets a few tasks through at once; the others wait, each address in its own line. */
export interface Turnstile {
  /** Throws UnavailableError where too many wait. */
  pass<Result>(line: string, task: () => Promise<Result>): Promise<Result>;
}

export interface TurnstileLimits {
  atOnce: number;
  /** In one line. */
  waitingInLine: number;
  /** In all lines. */
  waiting: number;
}

type Go = () => void;

/**
 * The lines take turns, so that a long one delays itself and not the others: a flood from one address
 * costs everyone else one place.
 */
export function createTurnstile(limits: TurnstileLimits): Turnstile {
  const lines = new Map<string, Go[]>();
  let inside = 0;
  let waiting = 0;

  function enter(line: string): Promise<void> {
    if (inside < limits.atOnce) {
      inside += 1;
      return Promise.resolve();
    }
    const others = lines.get(line) ?? [];
    if (others.length >= limits.waitingInLine || waiting >= limits.waiting) throw tooBusy();
    lines.set(line, others);
    waiting += 1;
    return new Promise((resolve) => others.push(resolve));
  }

  function leave(): void {
    const next = takeNext();
    if (next === undefined) inside -= 1;
    else next();
  }

  /** The first of the line whose turn it is, which then goes behind the others. */
  function takeNext(): Go | undefined {
    for (const [line, others] of lines) {
      lines.delete(line);
      const [next, ...rest] = others;
      if (rest.length > 0) lines.set(line, rest);
      if (next === undefined) continue;
      waiting -= 1;
      return next;
    }
    return undefined;
  }

  return {
    async pass(line, task) {
      await enter(line);
      try {
        return await task();
      } finally {
        leave();
      }
    },
  };
}

function tooBusy(): UnavailableError {
  return new UnavailableError(
    "Too many people are signing in at this moment. Try again in a few seconds.",
  );
}
