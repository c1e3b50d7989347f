import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { closeCodes } from "#shared/close-codes.ts";
import { syncLimits, syncQuery } from "#shared/sync-protocol.ts";
import { addressKey } from "../http/address-key.ts";
import type { IsAllowedOrigin } from "../http/origin.ts";
import type { ReadAddress } from "../http/sender.ts";
import type { Authenticate } from "../http/session.ts";
import type { Logger } from "../observability/logger.ts";
import { createPlaces } from "./places.ts";
import type { SocketLimits } from "./socket-limits.ts";

/** What a client asks for when it opens `/sync/<documentId>`. */
export interface SyncRequest {
  documentId: string;
  /** undefined: signed out; the connection is accepted to be closed. */
  session: { accountId: string; sessionId: string } | undefined;
  epoch?: number;
  account?: string;
  acknowledge: boolean;
}

interface UpgradeRouterOptions {
  httpServer: Server;
  isAllowedOrigin: IsAllowedOrigin;
  authenticate: Authenticate;
  /** Takes every connection to `/sync`, also those that it closes at once. */
  accept: (webSocket: WebSocket, request: SyncRequest) => void;
  /** Told when a session turns out to have ended while a connection of it was open. */
  onSessionEnded: (sessionId: string) => void;
  readAddress: ReadAddress;
  limits: SocketLimits;
  logger: Logger;
}

export interface UpgradeRouter {
  /** Refuses what comes from now on; open connections belong to whoever accepted them. */
  close(): void;
}

const syncPath = "/sync/";
const socketIoPath = "/socket.io/";
/** A connection that is one too many must not stay by not answering. */
const closeTimeoutMs = 2_000;
/** How often the sessions of open connections are looked up again. */
const recheckEveryMs = 60_000;

/** Shares one port: `/sync/…` is ours, `/socket.io/…` is Socket.IO's, anything else is refused. */
export function createUpgradeRouter(options: UpgradeRouterOptions): UpgradeRouter {
  const { httpServer, isAllowedOrigin, authenticate, accept, onSessionEnded, logger } = options;
  const { readAddress, limits } = options;
  const ofAddress = createPlaces(limits.connectionsFromAddress);
  const ofAccount = createPlaces(limits.connectionsOfAccount);
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: syncLimits.frameBytes,
    perMessageDeflate: false,
  });
  const cookies = new Map<WebSocket, { sessionId: string; cookie: string | undefined }>();
  let closed = false;
  const recheck = setInterval(() => void recheckSessions(), recheckEveryMs).unref();

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = request.url ?? "";
    // Without a listener, a peer that goes away here would end the process.
    socket.on("error", (error) => logger.debug({ error }, "upgrade failed"));
    if (path.startsWith(socketIoPath)) return;
    if (closed) return refuse(socket, "503 Service Unavailable");
    if (!path.startsWith(syncPath)) return refuse(socket, "404 Not Found");
    if (!isAllowedOrigin(request.headers.origin)) return refuse(socket, "403 Forbidden");
    void openSync(request, socket, head).catch((error: unknown) => {
      logger.warn({ error }, "sync connection could not be opened");
      refuse(socket, "503 Service Unavailable");
    });
  };
  httpServer.on("upgrade", onUpgrade);

  async function openSync(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const leaveAddress = ofAddress.take(addressKey(readAddress(request)));
    if (leaveAddress === undefined) return turnAway(request, socket, head);
    socket.once("close", leaveAddress);
    const { cookie } = request.headers;
    const session = await authenticate(cookie);
    if (socket.destroyed) return;
    const leaveAccount = session && ofAccount.take(session.actor.id);
    if (session !== undefined && leaveAccount === undefined) return turnAway(request, socket, head);
    if (leaveAccount !== undefined) socket.once("close", leaveAccount);
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", (error) => logger.debug({ error }, "sync connection failed"));
      accept(webSocket, toSyncRequest(request.url ?? "", session));
      if (session === undefined) return;
      cookies.set(webSocket, { sessionId: session.id, cookie });
      webSocket.once("close", () => cookies.delete(webSocket));
      // It may have ended between the look-up and now.
      void recheckSession(session.id, cookie);
    });
  }

  /** Accepts it to close it: an error at the upgrade says nothing to the page. */
  function turnAway(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", (error) => logger.debug({ error }, "sync connection failed"));
      webSocket.close(closeCodes.overloaded, "too many connections");
      const cut = setTimeout(() => webSocket.terminate(), closeTimeoutMs);
      webSocket.once("close", () => clearTimeout(cut));
    });
  }

  async function recheckSessions(): Promise<void> {
    const bySession = new Map(
      [...cookies.values()].map((entry) => [entry.sessionId, entry.cookie]),
    );
    for (const [sessionId, cookie] of bySession) await recheckSession(sessionId, cookie);
  }

  async function recheckSession(sessionId: string, cookie: string | undefined): Promise<void> {
    try {
      if ((await authenticate(cookie)) === undefined) onSessionEnded(sessionId);
    } catch (error) {
      logger.warn({ error }, "session could not be looked up again");
    }
  }

  return {
    close() {
      closed = true;
      clearInterval(recheck);
      server.close();
    },
  };
}

function toSyncRequest(url: string, session: Awaited<ReturnType<Authenticate>>): SyncRequest {
  const [path = "", query = ""] = url.split("?", 2);
  const parameters = new URLSearchParams(query);
  const epoch = parameters.get(syncQuery.restoreEpoch);
  const account = parameters.get(syncQuery.account);
  return {
    documentId: decode(path.slice(syncPath.length)),
    session: session && { accountId: session.actor.id, sessionId: session.id },
    ...(epoch === null ? {} : { epoch: Number(epoch) }),
    ...(account === null ? {} : { account }),
    acknowledge: parameters.get(syncQuery.acknowledge) === "1",
  };
}

/** A malformed escape is no document's id. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

function refuse(socket: Duplex, status: string): void {
  const answer = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  if (!socket.destroyed) socket.end(answer, () => socket.destroy());
}
