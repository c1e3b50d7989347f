import { lookup as resolveName } from "node:dns";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { HubError, PassingError } from "./hub-error.ts";
import { isPrivateAddress } from "./private-address.ts";

export interface HubRequest {
  method: "GET" | "HEAD";
  url: URL;
  headers?: Readonly<Record<string, string>>;
  /** Sent to the first host alone. */
  token?: string | undefined;
  /** False: a redirect to another host is answered as it is. */
  leaveHost: boolean;
  /** After so long without a byte the connection counts as broken. */
  silenceMs: number;
}

/** The last answer of a request, and where it came from. */
export interface HubAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** Reading it throws where the connection breaks or falls silent; `destroy` it to leave it. */
  body: IncomingMessage;
  url: URL;
}

interface Sent extends HubAnswer {
  /** Whether it came from an address of the public internet. */
  isPublic: boolean;
}

const mostRedirects = 5;

/**
 * Asks and follows redirects, to http and https alone, never from https to http, and never from the
 * public internet into this machine's own network: the name is looked up once, and the address that
 * was checked is the one that is called. Throws PassingError for what may pass, HubError for a
 * redirect that is not followed, and the signal's reason.
 */
export async function askHub(request: HubRequest, signal: AbortSignal): Promise<HubAnswer> {
  let { url } = request;
  let guarded = false;
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const answer = await send(request, url, guarded, signal);
    guarded ||= answer.isPublic;
    const next = redirectOf(answer);
    if (next === undefined) return answer;
    if (!request.leaveHost && next.host !== url.host) return answer;
    answer.body.destroy();
    refuseUnsafe(url, next, guarded);
    url = next;
  }
  throw new HubError("hub_refused", `${request.url.host} redirects without end.`);
}

function redirectOf({ status, headers, body, url }: HubAnswer): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const { location } = headers;
  if (location === undefined || !URL.canParse(location, url.href)) {
    body.destroy();
    throw new HubError("hub_refused", `${url.host} redirects to no address.`);
  }
  return new URL(location, url);
}

function refuseUnsafe(from: URL, to: URL, guarded: boolean): void {
  const downgrade = from.protocol === "https:" && to.protocol !== "https:";
  if (downgrade || !/^https?:$/.test(to.protocol)) throw refusedRedirect(from, to.protocol);
  const host = to.hostname.replace(/^\[|\]$/g, "");
  if (guarded && isIP(host) !== 0 && isPrivateAddress(host)) throw refusedRedirect(from, host);
}

function refusedRedirect(from: URL, to: string): HubError {
  return new HubError("hub_refused", `${from.host} redirects to ${to}, which is not followed.`);
}

function send(request: HubRequest, url: URL, guarded: boolean, signal: AbortSignal): Promise<Sent> {
  const { method, silenceMs } = request;
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === "https:" ? https : http).request(url, {
      method,
      headers: headersFor(request, url),
      agent: false,
      timeout: silenceMs,
      ...(guarded ? { lookup: publicLookup } : {}),
    });
    let address: string | undefined;
    let body: IncomingMessage | undefined;
    const end = (reason: Error) => (body ?? sent).destroy(reason);
    const abort = () => end(asError(signal.reason));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    sent.on("socket", (socket) =>
      socket.once("connect", () => {
        address = socket.remoteAddress;
      }),
    );
    sent.on("timeout", () =>
      end(new PassingError(`${url.host} said nothing for ${silenceMs / 1000} s.`)),
    );
    sent.on("error", (cause) =>
      reject(signal.aborted ? asError(signal.reason) : passing(url, cause)),
    );
    sent.on("close", () => signal.removeEventListener("abort", abort));
    sent.on("response", (answer) => {
      body = answer;
      // It is thrown to whoever reads the body, who may be gone.
      answer.on("error", () => undefined);
      const { statusCode: status = 0, headers } = answer;
      resolve({
        status,
        headers,
        body: answer,
        url,
        // Of what is not known the worst is thought: that from there nothing private is meant.
        isPublic: address === undefined || !isPrivateAddress(address),
      });
    });
    sent.end();
  });
}

function headersFor({ url: first, headers, token }: HubRequest, url: URL): Record<string, string> {
  const mayCarryToken = token !== undefined && url.origin === first.origin;
  return {
    "User-Agent": "palimpsest",
    "Accept-Encoding": "identity",
    ...headers,
    ...(mayCarryToken ? { Authorization: `Bearer ${token}` } : {}),
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("cancelled", { cause: reason });
}

function passing(url: URL, cause: Error): Error {
  if (cause instanceof PassingError || cause instanceof HubError) return cause;
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
  return new PassingError(`${url.host} cannot be reached (${code}).`, { cause });
}

/** Looks a name up and refuses it where any of its addresses is not public. */
const publicLookup: LookupFunction = (name, options, done) => {
  resolveName(name, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return done(error, "", 0);
    if (addresses.some(({ address }) => isPrivateAddress(address))) {
      const message = `The hub redirects to ${name}, which lies in a private network: not followed.`;
      return done(new HubError("hub_refused", message), "", 0);
    }
    if (options.all === true) return done(null, addresses);
    done(null, first.address, first.family);
  });
};
