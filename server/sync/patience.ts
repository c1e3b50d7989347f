import { setTimeout as delay } from "node:timers/promises";
import { isDatabaseUnavailable, isTransactionConflict } from "../database/unavailable.ts";
import type { Logger } from "../observability/logger.ts";

const firstRetryMs = 50;
const lastRetryMs = 1_000;

export interface Patience {
  /**
   * Tries again while the database is away, or had to roll back for another transaction's sake.
   * Rejects with any other error, and with the last one once patience has ended.
   */
  retry<Result>(attempt: () => Promise<Result>): Promise<Result>;
  /** From now on a failed attempt is the last. */
  end(): void;
}

/** How sync waits for its database. */
export function createPatience(logger: Logger): Patience {
  const ended = new AbortController();
  return {
    async retry(attempt) {
      for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, lastRetryMs)) {
        try {
          return await attempt();
        } catch (error) {
          const mayPass = isDatabaseUnavailable(error) || isTransactionConflict(error);
          if (!mayPass || ended.signal.aborted) throw error;
          logger.warn({ err: error, waitMs }, "sync waits for the database");
          // Patience that ends ends the wait too; the attempt after it is the last.
          await delay(waitMs, undefined, { signal: ended.signal }).catch(() => undefined);
        }
      }
    },
    end() {
      ended.abort();
    },
  };
}
