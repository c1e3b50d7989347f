import type { IncomingHttpHeaders } from "node:http";
import type { RequestHandler } from "express";
import { AppError } from "../errors.ts";

/** Whether a page of this Origin header may write here; an absent one does not come from a page. */
export type IsAllowedOrigin = (origin: string | undefined) => boolean;

/** Allows the public origins, and programs that are no browser and send no origin. */
export function createOriginCheck(publicOrigins: readonly string[]): IsAllowedOrigin {
  const allowed = new Set(publicOrigins);
  return (origin) => origin === undefined || allowed.has(origin);
}

const wrongOrigin =
  "This request did not come from a page of this server, or the page was opened at an address " +
  "that the server does not know as its own (PUBLIC_ORIGIN).";

/** Refuses requests that could change something unless a page of ours sent them. */
export function requireOwnOrigin(isAllowedOrigin: IsAllowedOrigin): RequestHandler {
  return (request, _response, next) => {
    if (changesNothing(request.method) || isOwn(request.headers, isAllowedOrigin)) return next();
    throw new AppError("wrong_origin", 403, wrongOrigin);
  };
}

/** Refuses a body that is not JSON before anything reads it. */
export const requireJson: RequestHandler = (request, _response, next) => {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  const hasBody = encoding !== undefined || Number(length ?? 0) > 0;
  if (!hasBody || changesNothing(request.method) || request.is("application/json")) return next();
  throw new AppError(
    "unsupported_media_type",
    415,
    "Send JSON, with Content-Type application/json.",
  );
};

function isOwn(headers: IncomingHttpHeaders, isAllowedOrigin: IsAllowedOrigin): boolean {
  if (headers["sec-fetch-site"] === "same-origin") return true;
  return headers.origin !== undefined && isAllowedOrigin(headers.origin);
}

function changesNothing(method: string): boolean {
  return method === "GET" || method === "HEAD";
}
