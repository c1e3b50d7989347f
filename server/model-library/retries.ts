import { setTimeout as delay } from "node:timers/promises";
import { HubError, PassingError } from "./hub-error.ts";

/** How patient a download is. */
export interface Patience {
  /** Failures in a row, without anything gained, after which it is given up. */
  failures: number;
  /** The first pause; each next one is twice as long, up to `mostPauseMs`. */
  pauseMs: number;
  mostPauseMs: number;
}

export const standardPatience: Patience = { failures: 7, pauseMs: 1_000, mostPauseMs: 60_000 };

/** What a hub may ask us to wait; longer, and a person comes back instead. */
const mostAskedPauseMs = 5 * 60_000;

/**
 * Tries until it succeeds. A PassingError is tried again after a pause; `gained` tells whether the
 * last attempt came further than all before, which begins the count anew. Throws the last failure as
 * a HubError `hub_unreachable`, anything else as it is, and the signal's reason.
 */
export async function persist<Result>(
  attempt: () => Promise<Result>,
  patience: Patience,
  signal: AbortSignal,
  gained: () => boolean = () => false,
): Promise<Result> {
  for (let failures = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PassingError)) throw error;
      failures = gained() ? 1 : failures + 1;
      if (failures >= patience.failures)
        throw new HubError("hub_unreachable", error.message, error);
      await pause(error, failures, patience, signal);
    }
  }
}

/** Spread, so that many do not come back at the same moment. */
async function pause(
  { message, retryAfterMs = 0 }: PassingError,
  failures: number,
  { pauseMs, mostPauseMs }: Patience,
  signal: AbortSignal,
): Promise<void> {
  if (retryAfterMs > mostAskedPauseMs) {
    const minutes = Math.ceil(retryAfterMs / 60_000);
    throw new HubError("hub_unreachable", `${message} It asks to come back in ${minutes} minutes.`);
  }
  const own = Math.min(mostPauseMs, pauseMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  await delay(Math.max(own, retryAfterMs), undefined, { signal });
}
