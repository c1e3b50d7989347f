import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestHandler } from "express";
import helmet from "helmet";

/** Names the request, for its log lines and for whoever reports a failure. */
export const nameRequest: RequestHandler = (_request, response, next) => {
  response.set("X-Request-Id", randomUUID());
  next();
};

/** Sets headers on an answer, Express's or that of a plain HTTP server. */
export type SetHeaders = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Answers of the API belong to one account and one moment. */
export const neverStore: SetHeaders = (_request, response, next) => {
  response.setHeader("Cache-Control", "no-store");
  next();
};

/** What a browser can do for a page and none of ours asks for; copying and full screen are not here. */
const unusedFeatures = [
  "accelerometer",
  "autoplay",
  "camera",
  "display-capture",
  "encrypted-media",
  "geolocation",
  "gyroscope",
  "hid",
  "idle-detection",
  "local-fonts",
  "magnetometer",
  "microphone",
  "midi",
  "payment",
  "publickey-credentials-get",
  "serial",
  "usb",
  "xr-spatial-tracking",
];

/** Turns off what no page of ours uses, should a foreign script ever run in one. */
export const refuseUnusedFeatures: SetHeaders = (_request, response, next) => {
  response.setHeader(
    "Permissions-Policy",
    unusedFeatures.map((feature) => `${feature}=()`).join(", "),
  );
  next();
};

/**
 * The policy of every page: scripts from here alone. Styles may be inline, because the component
 * library writes style elements and the editor style attributes.
 */
export function securityHeaders(publicOrigins: readonly string[]): SetHeaders {
  const secure = publicOrigins.every((origin) => origin.startsWith("https:"));
  // A policy cannot name an IPv6 address; there 'self' alone lets sockets through.
  const sockets = publicOrigins
    .filter((origin) => !origin.includes("["))
    .map((origin) => origin.replace(/^http/, "ws"));
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'", ...sockets],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // "no-referrer" would turn the Origin of some of our own requests into "null".
    referrerPolicy: { policy: "same-origin" },
    xFrameOptions: { action: "deny" },
    strictTransportSecurity: secure,
    crossOriginOpenerPolicy: secure,
    originAgentCluster: secure,
  });
}
