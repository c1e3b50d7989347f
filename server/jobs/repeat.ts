import type { Logger } from "../observability/logger.ts";

interface RepeatOptions {
  everyMs: number;
  logger: Logger;
  /** What it is called in the log. */
  name: string;
}

/**
 * Runs `task` at once and again and again, never twice at a time; one that fails is tried at the next
 * turn. `close` waits for the one under way.
 */
export function repeat(
  task: () => Promise<unknown>,
  { everyMs, logger, name }: RepeatOptions,
): { close(): Promise<void> } {
  let underWay: Promise<void> | undefined;
  const turn = () => {
    underWay ??= task()
      .then(
        () => undefined,
        (error: unknown) => logger.warn({ err: error, task: name }, "a repeated task failed"),
      )
      .finally(() => {
        underWay = undefined;
      });
  };
  const timer = setInterval(turn, everyMs).unref();
  turn();
  return {
    async close() {
      clearInterval(timer);
      await underWay;
    },
  };
}
