import type { IncomingMessage } from "node:http";
import proxyAddress from "proxy-addr";

/** Where a request came from, for the audit log and the throttles. */
export interface Sender {
  /** The client's address; behind a trusted proxy the one that it names. */
  address: string;
  /** At most 300 characters; what a client says of itself, never to be trusted. */
  userAgent: string | null;
  requestId: string | null;
}

/** The client's address of a request or an upgrade. */
export type ReadAddress = (request: IncomingMessage) => string;

/** Believes `X-Forwarded-For` of these proxies alone (addresses, subnets, or names like "loopback"). */
export function createAddressReader(trustedProxies: readonly string[]): ReadAddress {
  const isTrusted = proxyAddress.compile([...trustedProxies]);
  return (request) => proxyAddress(request, isTrusted) ?? "unknown";
}

const userAgentMaxCharacters = 300;

/** What a request tells of its sender. */
export function readSender(
  request: IncomingMessage,
  readAddress: ReadAddress,
  requestId: string | null,
): Sender {
  const userAgent = request.headers["user-agent"]?.slice(0, userAgentMaxCharacters) ?? null;
  return { address: readAddress(request), userAgent, requestId };
}
