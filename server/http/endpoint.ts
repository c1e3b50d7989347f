import { json, type Request, type RequestHandler, type Response } from "express";
import { z } from "zod";
import { NotFoundError, SignedOutError } from "../errors.ts";
import { parseInput } from "./input.ts";
import type { Authenticate, Session } from "./session.ts";

/** What a handler is given: the account, and the body as its schema left it. */
export interface Asked<Input> {
  session: Session;
  input: Input;
  request: Request;
}

/** What a handler answers with. */
export type Answer =
  | { status?: number; json: unknown; setCookie?: string }
  | { text: string }
  | { status: 204; setCookie?: string };

interface EndpointOptions<Input> {
  /** Unknown fields are refused by strict objects; no schema: no body is read. */
  input?: z.ZodType<Input>;
  /** Bytes of JSON; more is 413. */
  maxBytes?: number;
}

export interface Endpoints {
  /** 401 unless signed in, which is checked before the body is read. */
  signedIn: <Input = undefined>(
    handle: (asked: Asked<Input>) => Promise<Answer>,
    options?: EndpointOptions<Input>,
  ) => RequestHandler;
  anyone: <Input = undefined>(
    handle: (asked: Omit<Asked<Input>, "session">) => Promise<Answer>,
    options?: EndpointOptions<Input>,
  ) => RequestHandler;
}

const defaultMaxBytes = 64 * 1024;

/** Makes request handlers that check who asks, then what is asked, then answer. */
export function createEndpoints(authenticate: Authenticate): Endpoints {
  return {
    signedIn: (handle, options = {}) => {
      const read = createReader(options);
      return async (request, response) => {
        const session = await authenticate(request.headers.cookie);
        if (session === undefined) throw new SignedOutError();
        const input = await read(request, response);
        send(response, await handle({ session, input, request }));
      };
    },
    anyone: (handle, options = {}) => {
      const read = createReader(options);
      return async (request, response) => {
        const input = await read(request, response);
        send(response, await handle({ input, request }));
      };
    },
  };
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

/** The schema of a request that carries nothing; an empty object is allowed. */
export const nothing = z.strictObject({});

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

function send(response: Response, answer: Answer): void {
  if ("setCookie" in answer && answer.setCookie !== undefined)
    response.append("Set-Cookie", answer.setCookie);
  if ("text" in answer) {
    response.type("text/plain").send(answer.text);
    return;
  }
  response.status(answer.status ?? 200);
  if ("json" in answer) response.json(answer.json);
  else response.end();
}

function asError(reason: unknown): Error {
  return reason instanceof Error
    ? reason
    : new Error("the body could not be read", { cause: reason });
}
