import type { IncomingHttpHeaders } from "node:http";
import { HubError, PassingError } from "./hub-error.ts";
import { askHub, type HubAnswer } from "./hub-request.ts";

/** What the hub says of one file before it is fetched. */
export interface HubFile {
  name: string;
  url: URL;
  bytes: number;
  hash: FileHash | null;
  /** The commit that `url`'s revision stands for; null where the hub does not tell. */
  commit: string | null;
}

/** A large file's SHA-256, or a small one's id in git (SHA-1 of its length and content), in hexadecimal. */
export interface FileHash {
  kind: "sha256" | "git";
  value: string;
}

/** Where models are published. */
export interface Hub {
  /** Its host, to show. */
  readonly host: string;
  /** What the hub knows of a file; undefined where the repository has none of this name. */
  describe(
    place: { repository: string; revision: string; name: string },
    signal: AbortSignal,
  ): Promise<HubFile | undefined>;
  /** Opens a file from `offset` on, to be read or destroyed; `validator` is the ETag of what is there. */
  open(
    file: HubFile,
    from: { offset: number; validator: string | undefined },
    signal: AbortSignal,
  ): Promise<HubAnswer>;
  /** Where a person finds the repository's files. */
  pageOf(repository: string): string;
}

export interface HubOptions {
  /** Its address, without a slash at the end. */
  url: string;
  /** For models that are not open to all; goes to the hub's own host alone. */
  token?: string | undefined;
  /** After so long without a byte a connection counts as broken. */
  silenceMs?: number | undefined;
}

const defaultSilenceMs = 30_000;

export function createHub({ url: base, token, silenceMs = defaultSilenceMs }: HubOptions): Hub {
  const { host } = new URL(base);
  return {
    host,
    async describe({ repository, revision, name }, signal) {
      const url = new URL(`${base}/${repository}/resolve/${revision}/${name}`);
      const request = { method: "HEAD", url, token, leaveHost: false, silenceMs } as const;
      const { status, headers, body } = await askHub(request, signal);
      body.destroy();
      if (status === 404 && !isMissingRepository(headers)) return undefined;
      if (status >= 400 || status < 200)
        throw refusal(status, headers, { host, repository, token });
      return { name, url, ...readFile(headers, { host, name }) };
    },
    async open(file, { offset, validator }, signal) {
      const range = offset > 0 ? { Range: `bytes=${offset}-` } : {};
      const condition = offset > 0 && validator !== undefined ? { "If-Range": validator } : {};
      const headers = { ...range, ...condition };
      const request = { method: "GET", url: file.url, headers, token, silenceMs } as const;
      const answer = await askHub({ ...request, leaveHost: true }, signal);
      if ([200, 206, 416].includes(answer.status)) return answer;
      answer.body.destroy();
      // An address that was signed for some minutes: the hub gives a new one.
      if (answer.url.host !== host && answer.status < 500)
        throw new PassingError(`${answer.url.host} answered ${answer.status} for ${file.name}.`);
      const [, owner = "", repository = ""] = file.url.pathname.split("/");
      const asked = { host: answer.url.host, repository: `${owner}/${repository}`, token };
      throw refusal(answer.status, answer.headers, asked);
    },
    pageOf: (repository) => `${base}/${repository}/tree/main`,
  };
}

function isMissingRepository(headers: IncomingHttpHeaders): boolean {
  return ["RepoNotFound", "RevisionNotFound"].includes(headerOf(headers, "x-error-code") ?? "");
}

function refusal(
  status: number,
  headers: IncomingHttpHeaders,
  { host, repository, token }: { host: string; repository: string; token: string | undefined },
): Error {
  if (status === 429 || status >= 500) {
    const retryAfterMs = readRetryAfter(headers["retry-after"]);
    return new PassingError(`${host} answered ${status}.`, { retryAfterMs });
  }
  if (status === 401 || status === 403 || status === 404) {
    const isGated = headerOf(headers, "x-error-code") === "GatedRepo";
    if (isGated || (status === 403 && token !== undefined)) {
      const message = `${repository} is not open to all: accept its terms on ${host}, then set HUB_TOKEN to a token of that account and try again.`;
      return new HubError("hub_refused", message);
    }
    const advice = token === undefined ? " Check the name; for a private model set HUB_TOKEN." : "";
    return new HubError("hub_not_found", `${host} has no model ${repository}.${advice}`);
  }
  return new HubError("hub_refused", `${host} answered ${status} for ${repository}.`);
}

function readFile(
  headers: IncomingHttpHeaders,
  { host, name }: { host: string; name: string },
): Pick<HubFile, "bytes" | "hash" | "commit"> {
  const bytes = Number(headerOf(headers, "x-linked-size") ?? headers["content-length"]);
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new HubError("hub_unsuitable", `${host} does not say how large ${name} is.`);
  const tag = headerOf(headers, "x-linked-etag") ?? headers.etag;
  const commit = headerOf(headers, "x-repo-commit");
  return { bytes, hash: readHash(tag), commit: /^[0-9a-f]{40}$/.exec(commit ?? "")?.[0] ?? null };
}

function readHash(tag: string | undefined): FileHash | null {
  const value = tag?.replace(/^W\//, "").replaceAll('"', "").toLowerCase() ?? "";
  if (/^[0-9a-f]{64}$/.test(value)) return { kind: "sha256", value };
  if (/^[0-9a-f]{40}$/.test(value)) return { kind: "git", value };
  return null;
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function readRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}
