import type { ErrorRequestHandler, RequestHandler } from "express";
import type { ErrorBody } from "#shared/errors.ts";
import { isDatabaseUnavailable } from "../database/unavailable.ts";
import { AppError, InvalidError, NotFoundError, UnavailableError } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";

/** Ends the line of routes: nothing had this address. */
export const refuseUnknown: RequestHandler = () => {
  throw new NotFoundError("There is nothing at this address.");
};

/** Answers every error in one shape; what nobody foresaw is logged and shown as 500 without detail. */
export function answerErrors(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (response.headersSent) {
      const requestId = response.get("X-Request-Id");
      logger.error({ error, requestId }, "an answer broke off");
      // Cut off, it cannot be taken for the whole.
      response.destroy();
      return;
    }
    const known = asAppError(error);
    if (known.status >= 500)
      logger.error({ error, requestId: response.get("X-Request-Id") }, "request failed");
    if (known.status === 413 && !request.complete) response.set("Connection", "close");
    const retryAfterMs = known.details?.retryAfterMs;
    if (typeof retryAfterMs === "number")
      response.set("Retry-After", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
    response.status(known.status).json(toBody(known));
  };
}

/** The body of an error's answer. */
export function toBody({ code, message, details }: AppError): ErrorBody {
  return { error: { code, message, ...(details === undefined ? {} : { details }) } };
}

/** An error that a person can be told: ours as it is, the parser's and the database's in our words. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDatabaseUnavailable(error))
    return new UnavailableError("The database does not answer just now. Try again.", error);
  const status = statusOf(error);
  if (status === 400)
    return new InvalidError("The request could not be read: its address or JSON is malformed.");
  if (status === 413)
    return new AppError("too_large", 413, "This is more than the server takes at once.");
  if (status === 415) return new AppError("unsupported_media_type", 415, "Send JSON in UTF-8.");
  if (status !== undefined && status > 400 && status < 500)
    return new AppError("invalid", status, "The request asks for something that is not so.");
  return new AppError("internal", 500, "Something went wrong on the server.", { cause: error });
}

/** What express and its body parser say an error is. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  return typeof error.status === "number" ? error.status : undefined;
}
