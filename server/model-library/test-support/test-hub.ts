import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { SourceFiles } from "./model-source.ts";

/** What a server does instead of answering well; each is used once, in order. */
export type Trouble =
  /** Sends so many bytes, then cuts the connection. */
  | { kind: "cut"; afterBytes: number }
  | { kind: "status"; status: number; headers?: Record<string, string> }
  /** Sends so many bytes, then nothing more. */
  | { kind: "silent"; afterBytes: number }
  /** Sends bytes of its own with this length. */
  | { kind: "other"; bytes: Buffer };

/** How the hub differs from the one that it stands for. */
export interface HubManners {
  ignoresRanges: boolean;
  /** Large files are redirected to a server of another port. */
  redirects: boolean;
  tellsCommit: boolean;
  /** What it says instead of the truth, by file. */
  announced: Record<string, { sha256?: string; bytes?: number }>;
  /** Where it redirects to instead, by file. */
  location: Record<string, string>;
  /** Between two blocks of a body. */
  pauseMs: number;
}

/** One request that came: to the hub itself or to where it redirects. */
export interface SeenRequest {
  host: "hub" | "content";
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
}

export interface TestHub {
  readonly url: string;
  readonly seen: SeenRequest[];
  /** For each file, what goes wrong when its content is asked for. */
  readonly troubles: Map<string, Trouble[]>;
  readonly manners: HubManners;
  /** The files that the repository has now. */
  files: Record<string, Buffer>;
  commit: string;
  close(): Promise<void>;
}

const blockBytes = 4096;

/** Servers on this machine that speak the hub's layout for one repository, and misbehave as told. */
export async function openTestHub(repository: string, source: SourceFiles): Promise<TestHub> {
  const hub: Omit<TestHub, "url" | "close"> & { contentUrl: string } = {
    seen: [],
    troubles: new Map(),
    manners: {
      ignoresRanges: false,
      redirects: true,
      tellsCommit: true,
      announced: {},
      location: {},
      pauseMs: 0,
    },
    files: Object.fromEntries(
      Object.entries(source).map(([name, content]) => [name, Buffer.from(content)]),
    ),
    commit: "c".repeat(40),
    contentUrl: "",
  };
  const content = createServer((request, response) => {
    hub.seen.push(seenOf("content", request));
    void serveContent(hub, fileOf(request), request, response);
  });
  const front = createServer((request, response) => {
    hub.seen.push(seenOf("hub", request));
    answerAsHub(hub, repository, request, response);
  });
  hub.contentUrl = await listen(content);
  const url = await listen(front);
  return Object.assign(hub, {
    url,
    close: async () => {
      for (const server of [front, content]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  });
}

type State = Omit<TestHub, "url" | "close"> & { contentUrl: string };

function answerAsHub(
  hub: State,
  repository: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const name = fileOf(request);
  const [trouble] = hub.troubles.get(`hub ${name}`) ?? [];
  if (trouble?.kind === "status") {
    hub.troubles.get(`hub ${name}`)?.shift();
    return void response.writeHead(trouble.status, trouble.headers).end();
  }
  const prefix = `/${repository}/resolve/`;
  if (!request.url?.startsWith(prefix))
    return void response.writeHead(401, { "x-error-code": "RepoNotFound" }).end();
  const revision = request.url.slice(prefix.length).split("/")[0];
  if (revision !== "main" && revision !== hub.commit)
    return void response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end();
  const file = hub.files[name];
  if (file === undefined)
    return void response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
  const large = name === "model.safetensors";
  const announced = hub.manners.announced[name] ?? {};
  response.setHeader("etag", `"${large ? sha256(file) : gitId(file)}"`);
  if (hub.manners.tellsCommit) response.setHeader("x-repo-commit", hub.commit);
  if (large) {
    response.setHeader("x-linked-etag", `"${announced.sha256 ?? sha256(file)}"`);
    response.setHeader("x-linked-size", String(announced.bytes ?? file.length));
  }
  if (large && hub.manners.redirects) {
    const location = hub.manners.location[name] ?? `${hub.contentUrl}/signed/${name}`;
    return void response.writeHead(302, { location }).end();
  }
  void serveContent(hub, name, request, response);
}

async function serveContent(
  hub: State,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const file = hub.files[name] ?? Buffer.alloc(0);
  const trouble = request.method === "HEAD" ? undefined : hub.troubles.get(name)?.shift();
  if (trouble?.kind === "status")
    return void response.writeHead(trouble.status, trouble.headers).end();
  const body = trouble?.kind === "other" ? trouble.bytes : file;
  const offset = hub.manners.ignoresRanges ? 0 : offsetOf(request, `"${sha256(file)}"`);
  if (!response.hasHeader("etag")) response.setHeader("etag", `"${sha256(file)}"`);
  response.setHeader("accept-ranges", hub.manners.ignoresRanges ? "none" : "bytes");
  response.setHeader("content-length", body.length - offset);
  if (offset > 0)
    response.setHeader("content-range", `bytes ${offset}-${body.length - 1}/${body.length}`);
  response.writeHead(offset > 0 ? 206 : 200);
  if (request.method === "HEAD") return void response.end();
  const rest = body.subarray(offset);
  const stopsAt = trouble?.kind === "cut" || trouble?.kind === "silent" ? trouble.afterBytes : null;
  await sendBlocks(response, rest.subarray(0, stopsAt ?? rest.length), hub.manners.pauseMs);
  // A reader forgets what it had not yet read of a connection that breaks.
  if (trouble?.kind === "cut") setTimeout(() => response.destroy(), 30);
  else if (trouble?.kind !== "silent") response.end();
}

async function sendBlocks(response: ServerResponse, bytes: Buffer, pauseMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => response.once("close", resolve));
  for (let at = 0; at < bytes.length && !response.destroyed; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes);
    await Promise.race([closed, new Promise<void>((sent) => response.write(block, () => sent()))]);
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function offsetOf({ headers }: IncomingMessage, etag: string): number {
  const condition = headers["if-range"];
  if (condition !== undefined && condition !== etag) return 0;
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
}

function seenOf(host: SeenRequest["host"], request: IncomingMessage): SeenRequest {
  return {
    host,
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
  };
}

function fileOf({ url = "" }: IncomingMessage): string {
  return url.split("/").at(-1) ?? "";
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function gitId(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on a port has an address with one.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
