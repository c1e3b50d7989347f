import { monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 10;
/** What is told is of this window and the one before it. */
const windowMs = 30_000;

export interface EventLoopDelay {
  /** The delay that 99 of 100 turns of the last minute stayed under, in milliseconds. */
  read(): number;
  close(): void;
}

/** Watches how late the event loop comes to its timers. */
export function watchEventLoopDelay(): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let before = 0;
  // The histogram counts the timer's own interval as delay.
  const current = () =>
    histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs);
  const timer = setInterval(() => {
    before = current();
    histogram.reset();
  }, windowMs).unref();
  return {
    read: () => Math.round(Math.max(before, current()) * 10) / 10,
    close() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
