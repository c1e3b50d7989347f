import { AppError } from "../errors.ts";

export const hubErrorCodes = [
  "hub_unreachable",
  "hub_refused",
  "hub_not_found",
  "hub_unsuitable",
  "hub_damaged",
] as const;
export type HubErrorCode = (typeof hubErrorCodes)[number];

/** A model cannot be fetched from the hub; the message says why and what to do. */
export class HubError extends AppError {
  constructor(code: HubErrorCode, message: string, cause?: unknown) {
    super(code, code === "hub_not_found" ? 404 : 503, message, { cause });
  }
}

/** What may pass by itself: a broken or silent connection, a busy server. */
export class PassingError extends Error {
  /** When the server said to come again. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "PassingError";
    this.retryAfterMs = options.retryAfterMs;
  }
}
