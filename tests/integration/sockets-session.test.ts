import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { io } from "socket.io-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import type { Session } from "../../server/http/session.ts";
import { socketLimits } from "../../server/sockets/socket-limits.ts";
import { createSockets, type Sockets } from "../../server/sockets/sockets.ts";
import { createUpgradeRouter, type UpgradeRouter } from "../../server/sockets/upgrade-router.ts";
import { silent } from "../support/pglite.ts";

const session: Session = {
  id: "session",
  actor: { id: "account", name: "Sofia", role: "sponsor" },
  email: "sofia@example.test",
  accessEpoch: 0,
};

let httpServer: Server;
let sockets: Sockets;
let upgrades: UpgradeRouter;
let lookUp: () => Promise<Session | undefined>;
const accept = vi.fn<(webSocket: WebSocket) => void>();
const onSessionEnded = vi.fn<(sessionId: string) => void>();

beforeEach(async () => {
  accept.mockReset();
  onSessionEnded.mockReset();
  lookUp = async () => session;
  httpServer = createServer().listen(0, "127.0.0.1");
  await once(httpServer, "listening");
  const edge = {
    httpServer,
    authenticate: () => lookUp(),
    isAllowedOrigin: () => true,
    readAddress: () => "192.0.2.1",
    limits: socketLimits,
    logger: silent,
  };
  const notAsked = () => Promise.reject(new Error("no handler was to be asked"));
  sockets = createSockets({
    ...edge,
    roleOn: async () => "owner",
    headers: [],
    onAdmin: () => undefined,
    requireAccess: async () => undefined,
    handlers: {
      "document:join": async () => ({ role: "owner", run: null }),
      "run:start": notAsked,
      "run:pause": notAsked,
      "run:resume": notAsked,
      "run:stop": notAsked,
      "run:tune": notAsked,
    },
  });
  upgrades = createUpgradeRouter({ ...edge, accept, onSessionEnded });
});
afterEach(() => {
  upgrades.close();
  sockets.close();
  httpServer.close();
  httpServer.closeAllConnections();
});

function address(scheme: string): string {
  // A listening TCP server's address is no pipe's name.
  const { port } = httpServer.address() as AddressInfo;
  return `${scheme}://127.0.0.1:${port}`;
}

function connect() {
  return io(address("http"), { transports: ["websocket"], forceNew: true, reconnection: false });
}

test("S8: a command of a session that has ended is refused, and its socket closed", async () => {
  const socket = connect();
  expect(await socket.emitWithAck("document:join", { documentId: "d" })).toMatchObject({
    ok: true,
  });
  lookUp = async () => undefined;
  const disconnected = new Promise((resolve) => socket.once("disconnect", resolve));
  socket.emit("run:start", { documentId: "d" });
  expect(await disconnected).toBe("io server disconnect");
});

test("S8: a change of an account's rights closes the sockets of sessions that ended with it", async () => {
  const socket = connect();
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const disconnected = new Promise((resolve) => socket.once("disconnect", resolve));
  lookUp = async () => undefined;
  await sockets.accessChanged("account", null);
  expect(await disconnected).toBe("io server disconnect");
  expect(sockets.count()).toBe(0);
});

test("an error that nobody foresaw is answered without its details", async () => {
  const socket = connect();
  const answer: unknown = await socket.emitWithAck("run:stop", { documentId: "d" });
  expect(answer).toEqual({
    ok: false,
    code: "unavailable",
    message: "Something went wrong on the server.",
  });
  socket.disconnect();
});

test("a client that came while the database was away comes back by itself", async () => {
  let asked = 0;
  lookUp = async () => {
    if (asked++ === 0) throw new Error("connection refused");
    return session;
  };
  const socket = io(address("http"), {
    transports: ["websocket"],
    forceNew: true,
    reconnectionDelay: 10,
  });
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  expect(asked).toBe(2);
  socket.disconnect();
});

test("S8: a session that ends while its sync connection opens is noticed", async () => {
  let asked = 0;
  lookUp = async () => (asked++ === 0 ? session : undefined);
  const webSocket = new WebSocket(`${address("ws")}/sync/d?epoch=3&account=a&ack=1`);
  await vi.waitFor(() => expect(onSessionEnded).toHaveBeenCalledWith("session"));
  expect(accept).toHaveBeenCalledWith(expect.anything(), {
    documentId: "d",
    session: { accountId: "account", sessionId: "session" },
    epoch: 3,
    account: "a",
    acknowledge: true,
  });
  webSocket.terminate();
});

test("sync that cannot be looked up is refused, so that the client tries again", async () => {
  lookUp = () => Promise.reject(new Error("connection refused"));
  const [error] = await once(new WebSocket(`${address("ws")}/sync/d`), "error");
  expect(String(error)).toContain("503");
  expect(accept).not.toHaveBeenCalled();
});
