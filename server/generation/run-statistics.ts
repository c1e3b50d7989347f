import type { RunStats } from "#shared/socket-events.ts";
import type { Clock } from "../jobs/clock.ts";

/** What a run's statistics say beside its speed. */
export type StatsSource = () => Omit<RunStats, "tokensPerSecond">;

/** Measures a run's speed and tells it twice a second while it is at work. */
export interface RunStatistics {
  /** So many tokens were written now. */
  wrote(tokens: number): void;
  begin(): void;
  /** Tells a last time, and no more until `begin`. */
  end(): void;
}

const intervalMs = 500;
const measuredMs = 3_000;

export function createRunStatistics(
  clock: Clock,
  source: StatsSource,
  publish: (stats: RunStats) => void,
): RunStatistics {
  let flushes: { at: number; tokens: number }[] = [];
  let begunAt = 0;
  let cancel: (() => void) | undefined;

  function tokensPerSecond(): number {
    const now = clock.now();
    flushes = flushes.filter(({ at }) => at > now - measuredMs);
    const tokens = flushes.reduce((sum, flush) => sum + flush.tokens, 0);
    const seconds = Math.min(measuredMs, now - begunAt) / 1000;
    return seconds > 0 ? Math.round((10 * tokens) / seconds) / 10 : 0;
  }

  function tell(): void {
    publish({ ...source(), tokensPerSecond: tokensPerSecond() });
  }

  function tick(): void {
    tell();
    cancel = clock.after(intervalMs, tick);
  }

  return {
    wrote(tokens) {
      flushes.push({ at: clock.now(), tokens });
    },
    begin() {
      flushes = [];
      begunAt = clock.now();
      cancel ??= clock.after(intervalMs, tick);
    },
    end() {
      if (cancel === undefined) return;
      cancel();
      cancel = undefined;
      tell();
    },
  };
}
