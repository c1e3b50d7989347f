import { type DestinationStream, type Logger, pino } from "pino";

export type { Logger };

/** Levels of LOG_LEVEL, from quiet to loud. */
export const logLevels = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One JSON line an event, on standard output by default; never text, prompts, tokens, passwords or cookies. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: describeError, err: describeError },
    redact: ["cookie", "password", "headers.cookie", "headers.authorization"],
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** What a log may say of an error. Database drivers hang statements and their values on theirs. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: "not an Error", type: typeof error };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === "string" ? { code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
