import { io, type Socket } from "socket.io-client";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import type { ClientToServerEvents, ServerToClientEvents } from "#shared/socket-events.ts";

export const demonstrationPassword = "palimpsest-demo";

export type LiveSocket = Socket<ServerToClientEvents, ClientToServerEvents>;

/** A document as a person's plain y-websocket client holds it. */
export interface OpenCopy {
  doc: Y.Doc;
  body: Y.Text;
  provider: WebsocketProvider;
  /** The body without its final newline. */
  text(): string;
  close(): void;
}

/** A signed-in person outside the browser: HTTP, Socket.IO and sync with one session cookie. */
export interface Person {
  cookie: string;
  request(method: string, path: string, body?: unknown): Promise<Response>;
  json<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  socket(): LiveSocket;
  /** Opens a document; `doc` may be one that was open before (a tab that reconnects). */
  open(documentId: string, doc?: Y.Doc, params?: Record<string, string>): OpenCopy;
}

/** Signs in over HTTP. Throws with the server's answer when it refuses. */
export async function signIn(
  url: string,
  email: string,
  password = demonstrationPassword,
): Promise<Person> {
  const answer = await fetch(`${url}/api/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url },
    body: JSON.stringify({ email, password }),
  });
  if (!answer.ok) throw new Error(`sign-in answered ${answer.status}: ${await answer.text()}`);
  return personWith(url, answer.headers.getSetCookie()[0]?.split(";")[0] ?? "");
}

/** Whoever a cookie says; an empty one: nobody. */
export function personWith(url: string, cookie: string): Person {
  const person: Person = {
    cookie,
    request: (method, path, body) =>
      fetch(`${url}${path}`, {
        method,
        headers: {
          cookie,
          origin: url,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async json<Answer>(method: string, path: string, body?: unknown) {
      const response = await person.request(method, path, body);
      if (!response.ok)
        throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      // The caller names the shape that the contract promises for this route.
      return (await response.json()) as Answer;
    },
    socket: () => io(url, { transports: ["websocket"], forceNew: true, extraHeaders: { cookie } }),
    open(documentId, doc = new Y.Doc(), params = {}) {
      class SocketWithCookie extends WebSocket {
        constructor(address: string, protocols?: string | string[]) {
          super(address, protocols, { headers: { cookie } });
        }
      }
      const provider = new WebsocketProvider(
        `${url.replace(/^http/, "ws")}/sync`,
        documentId,
        doc,
        {
          // ws speaks the browser's interface where y-websocket uses it.
          WebSocketPolyfill: SocketWithCookie as unknown as typeof globalThis.WebSocket,
          disableBc: true,
          params,
        },
      );
      const body = doc.getText("body");
      return {
        doc,
        body,
        provider,
        text: () => body.toString().replace(/\n$/, ""),
        close: () => provider.destroy(),
      };
    },
  };
  return person;
}

/** Resolves when `condition` holds, checked at every update of the copy. Throws after the limit. */
export async function whenText(
  copy: OpenCopy,
  condition: (text: string) => boolean,
  limitMs = 15_000,
): Promise<void> {
  if (condition(copy.text())) return;
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => {
      copy.doc.off("update", check);
      reject(new Error(`the text did not come to be as expected: ${copy.text().slice(-200)}`));
    }, limitMs);
    const check = () => {
      if (!condition(copy.text())) return;
      clearTimeout(limit);
      copy.doc.off("update", check);
      resolve();
    };
    copy.doc.on("update", check);
  });
}
