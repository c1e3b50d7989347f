import type { Clock } from "../jobs/clock.ts";

/** Whether the model lets people write at its caret first. */
export interface Yielding {
  /** True while the model holds back. */
  readonly active: boolean;
  /** Somebody typed or deleted at the caret. */
  typed(): void;
  /** Whether somebody composes (input method) at the caret now. */
  composing(composes: boolean): void;
  /** Resolves when the model may write; at once when it may already. */
  over(): Promise<void>;
  /** Lets everything go on. */
  close(): void;
}

/** The model goes on when nobody has typed at its caret for so long. */
const quietMs = 700;
/** Nobody holds the model back for longer than this at a time. */
const mostMs = 15_000;

/** `onYield` is called whenever the model begins to hold back. */
export function createYielding(clock: Clock, onYield: () => void): Yielding {
  let since: number | undefined;
  let quietAt = 0;
  let composes = false;
  let cancelTimer: (() => void) | undefined;
  let waiters: (() => void)[] = [];

  function begin(): void {
    const begins = since === undefined;
    since ??= clock.now();
    check();
    if (begins && since !== undefined) onYield();
  }

  function check(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    if (since === undefined) return;
    const now = clock.now();
    const limit = since + mostMs;
    const until = composes ? limit : Math.min(quietAt, limit);
    if (until <= now) end();
    else cancelTimer = clock.after(until - now, check);
  }

  function end(): void {
    since = undefined;
    const resolved = waiters;
    waiters = [];
    for (const resolve of resolved) resolve();
  }

  return {
    get active() {
      return since !== undefined;
    },
    typed() {
      quietAt = clock.now() + quietMs;
      begin();
    },
    composing(now) {
      if (now === composes) return;
      composes = now;
      if (now) begin();
      else check();
    },
    async over() {
      if (since === undefined) return;
      await new Promise<void>((resolve) => waiters.push(resolve));
    },
    close() {
      cancelTimer?.();
      composes = false;
      end();
    },
  };
}
