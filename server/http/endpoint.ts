import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { json, type Request, type Response } from "express";
import { z } from "zod";
import { type Actor, type GlobalAction, mayGlobally } from "#shared/permissions.ts";
import {
  ForbiddenError,
  NotFoundError,
  SignedOutError,
  TotpSetupRequiredError,
} from "../errors.ts";
import { parseInput } from "./input.ts";
import { type DeclaredHandler, declarePermission, type Permission } from "./permission.ts";
import { type ReadAddress, readSender, type Sender } from "./sender.ts";
import type { Authenticate, Session } from "./session.ts";
import type { Throttled, ThrottleName, Throttles } from "./throttles.ts";

/** What a handler is given: the account, and the body as its schema left it. */
export interface Asked<Input> {
  session: Session;
  input: Input;
  request: Request;
  /** Where the request came from. */
  sender: Sender;
}

/** What a handler answers with. */
export type Answer =
  | { status?: number; json: unknown; setCookie?: string }
  | { text: string }
  | { download: Download }
  | { status: 204; setCookie?: string; clearSiteData?: string };

/** A file that is sent while it is made, so that none of it is ever in memory as a whole. */
export interface Download {
  contents: AsyncIterable<string | Uint8Array>;
  /** Of ASCII letters, digits, `-` and `.`. */
  fileName: string;
  contentType: string;
}

interface EndpointOptions<Input> {
  /** Unknown fields are refused by strict objects; no schema: no body is read. */
  input?: z.ZodType<Input>;
  /** Bytes of JSON; more is 413. */
  maxBytes?: number;
  /** What it is held to besides the requests that everyone may make. */
  throttle?: ThrottleName;
}

export interface Endpoints {
  /** 401 unless signed in and 403 without the permission, both before the body is read. */
  permitted: <Input = undefined>(
    permission: Exclude<Permission, { kind: "anyone" }>,
    handle: (asked: Asked<Input>) => Promise<Answer>,
    options?: EndpointOptions<Input>,
  ) => DeclaredHandler;
  anyone: <Input = undefined>(
    handle: (asked: Omit<Asked<Input>, "session">) => Promise<Answer>,
    options?: EndpointOptions<Input>,
  ) => DeclaredHandler;
}

interface EndpointsOptions {
  authenticate: Authenticate;
  readAddress: ReadAddress;
  throttles: Throttles;
}

const defaultMaxBytes = 64 * 1024;

/** Makes request handlers that check who asks, then what is asked, then answer. */
export function createEndpoints(parts: EndpointsOptions): Endpoints {
  const { authenticate, readAddress, throttles } = parts;
  const senderOf = (request: Request, response: Response) =>
    readSender(request, readAddress, response.get("X-Request-Id") ?? null);
  return {
    permitted: (permission, handle, options = {}) => {
      const read = createReader(options);
      const pass = createPass(throttles, options.throttle);
      return declarePermission(permission, async (request, response) => {
        const sender = senderOf(request, response);
        const { address } = sender;
        await throttles.admitAddress(address);
        const session = await authenticate(request.headers.cookie);
        if (session === undefined) throw new SignedOutError();
        if (permission.kind === "global") requireGlobally(session.actor, permission.action);
        const { id: accountId } = session.actor;
        await throttles.admitAccount(accountId);
        const input = await read(request, response);
        const answer = pass({ address, accountId, input }, () =>
          handle({ session, input, request, sender }),
        );
        await send(response, await answer);
      });
    },
    anyone: (handle, options = {}) => {
      const read = createReader(options);
      const pass = createPass(throttles, options.throttle);
      return declarePermission({ kind: "anyone" }, async (request, response) => {
        const sender = senderOf(request, response);
        const { address } = sender;
        await throttles.admitAddress(address);
        const input = await read(request, response);
        const answer = pass({ address, accountId: undefined, input }, () =>
          handle({ input, request, sender }),
        );
        await send(response, await answer);
      });
    },
  };
}

/** All that an admin may do globally comes of being an admin. */
function requireGlobally({ role, totpMissing }: Actor, action: GlobalAction): void {
  if (!mayGlobally(role, action)) throw new ForbiddenError();
  if (role === "admin" && totpMissing) throw new TotpSetupRequiredError();
}

/** Our ids are of these characters; anything else is no id and is not looked up. */
const idPattern = /^[\w-]{1,64}$/;

/** An id in the path. */
export function pathId(request: Request, name: string): string {
  const part = request.params[name];
  if (typeof part !== "string" || !idPattern.test(part))
    throw new NotFoundError("There is nothing at this address.");
  return part;
}

/** The parameters after the `?`, as `schema` leaves them; unknown ones are refused. */
export function queryOf<Query>(request: Request, schema: z.ZodType<Query>): Query {
  return parseInput(schema, { ...request.query });
}

/** The schema of a request that carries nothing; an empty object is allowed. */
export const nothing = z.strictObject({});

type Pass = (throttled: Throttled, task: () => Promise<Answer>) => Promise<Answer>;

function createPass(throttles: Throttles, name: ThrottleName | undefined): Pass {
  if (name === undefined) return (_throttled, task) => task();
  return (throttled, task) => throttles.pass(name, throttled, task);
}

function createReader<Input>({ input, maxBytes = defaultMaxBytes }: EndpointOptions<Input>) {
  const parseJson = json({ limit: maxBytes, type: () => true });
  return async (request: Request, response: Response): Promise<Input> => {
    // Without a schema, Input is undefined.
    if (input === undefined) return undefined as Input;
    await new Promise<void>((resolve, reject) =>
      parseJson(request, response, (error?: unknown) =>
        error === undefined ? resolve() : reject(asError(error)),
      ),
    );
    return parseInput(input, request.body ?? {});
  };
}

async function send(response: Response, answer: Answer): Promise<void> {
  if ("setCookie" in answer && answer.setCookie !== undefined)
    response.append("Set-Cookie", answer.setCookie);
  if ("clearSiteData" in answer && answer.clearSiteData !== undefined)
    response.set("Clear-Site-Data", answer.clearSiteData);
  if ("text" in answer) {
    response.type("text/plain").send(answer.text);
    return;
  }
  if ("download" in answer) return sendDownload(response, answer.download);
  response.status(answer.status ?? 200);
  if ("json" in answer) response.json(answer.json);
  else response.end();
}

/** What breaks off in the middle is cut off: the client sees that the file is not whole. */
async function sendDownload(response: Response, download: Download): Promise<void> {
  response.set("Content-Type", download.contentType);
  response.set("Content-Disposition", `attachment; filename="${download.fileName}"`);
  try {
    await pipeline(Readable.from(download.contents), response);
  } catch (error) {
    // Whoever asked has left.
    if (!isPrematureClose(error)) throw error;
  }
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
}

function asError(reason: unknown): Error {
  return reason instanceof Error
    ? reason
    : new Error("the body could not be read", { cause: reason });
}
