import type { SocketErrorCode } from "#shared/errors.ts";

interface AppErrorOptions {
  details?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * An error that a caller can act on. `code` is snake_case and stable, `status` is the HTTP status
 * that the edge answers with, `message` is a plain sentence for a person.
 */
export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: string, status: number, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.details = options.details;
  }
}

/** 400: the input is wrong; `details.field` names where. */
export class InvalidError extends AppError {
  constructor(message: string, details?: Record<string, unknown>) {
    super("invalid", 400, message, details === undefined ? {} : { details });
  }
}

/** 401: nobody is signed in, or the session has ended. */
export class SignedOutError extends AppError {
  constructor(message = "Sign in to go on.") {
    super("signed_out", 401, message);
  }
}

/** 403: the account is known and may not do this. */
export class ForbiddenError extends AppError {
  constructor(message = "Your role here does not allow this.") {
    super("forbidden", 403, message);
  }
}

/** 403: an admin's role counts only once a second factor is set up. */
export class TotpSetupRequiredError extends AppError {
  constructor() {
    const message = "Set up a second factor on your account's page first: then you may do this.";
    super("totp_setup_required", 403, message);
  }
}

/** 404: it does not exist, or not for this account; the two look alike on purpose. */
export class NotFoundError extends AppError {
  constructor(message = "There is no such document, or it was not shared with you.") {
    super("not_found", 404, message);
  }
}

/** 409: it conflicts with what is there now; `code` says with what. */
export class ConflictError extends AppError {
  constructor(code: string, message: string, details?: Record<string, unknown>) {
    super(code, 409, message, details === undefined ? {} : { details });
  }
}

/** 429: more than is let through; `details.retryAfterMs` says when it is free again. */
export class TooManyError extends AppError {
  constructor(message: string, retryAfterMs: number) {
    super("too_many", 429, message, { details: { retryAfterMs: Math.ceil(retryAfterMs) } });
  }
}

/** 503: not now (database away, engine lost, draining); trying again later may work. */
export class UnavailableError extends AppError {
  constructor(message: string, cause?: unknown) {
    super("unavailable", 503, message, { cause });
  }
}

/** The Socket.IO code for an error of ours: its own code where the contract has it, else by status. */
export function socketErrorCode(error: AppError): SocketErrorCode {
  switch (error.code) {
    case "run_exists":
    case "illegal_transition":
    case "not_synced":
      return error.code;
    default:
      break;
  }
  switch (error.status) {
    case 401:
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 429:
      return "too_many";
    case 503:
      return "unavailable";
    default:
      return "invalid";
  }
}
