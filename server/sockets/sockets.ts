import type { Server as HttpServer } from "node:http";
import { Server } from "socket.io";
import { type DocumentRole, mayGlobally } from "#shared/permissions.ts";
import type { SetHeaders } from "../http/headers.ts";
import type { IsAllowedOrigin } from "../http/origin.ts";
import { type ReadAddress, readSender } from "../http/sender.ts";
import type { Authenticate } from "../http/session.ts";
import type { Logger } from "../observability/logger.ts";
import {
  type AppServer,
  type AppSocket,
  documentRoom,
  type EventArguments,
  type Payload,
  roomsOf,
  type ServerEvent,
  tokenRoom,
} from "./connection.ts";
import { limitConnections } from "./connection-places.ts";
import { createEventLine, type EventHandlers, type RequireAccess } from "./event-line.ts";
import { refusal } from "./refusal.ts";
import type { SocketLimits } from "./socket-limits.ts";

export interface Sockets {
  /** To everyone who joined the document; a run's tokens to those alone who did not decline them. */
  toDocument<Event extends ServerEvent>(
    documentId: string,
    event: Event,
    payload: Payload<Event>,
  ): void;
  toAccount<Event extends ServerEvent>(
    accountId: string,
    event: Event,
    payload: Payload<Event>,
  ): void;
  /** To all admins who may act as such. */
  toAdmins<Event extends ServerEvent>(event: Event, payload: Payload<Event>): void;
  /** Tells the account's connections their role now, and lets them leave what they may not see. */
  accessChanged(accountId: string, documentId: string | null): Promise<void>;
  /** Disconnects the session's sockets. */
  sessionEnded(sessionId: string): void;
  count(): number;
  close(): void;
}

interface SocketsOptions {
  httpServer: HttpServer;
  authenticate: Authenticate;
  isAllowedOrigin: IsAllowedOrigin;
  /** The account's role on the document now; null where it has none. */
  roleOn: (accountId: string, documentId: string) => Promise<DocumentRole | null>;
  requireAccess: RequireAccess;
  handlers: EventHandlers;
  /** For answers over HTTP: Socket.IO gives them itself, before anything else sees the request. */
  headers: readonly SetHeaders[];
  /** Called when an admin has come in, or somebody who is here has become one. */
  onAdmin: () => void;
  readAddress: ReadAddress;
  limits: SocketLimits;
  logger: Logger;
}

/** The most an event may hold: a state vector and a sampling. */
const maxEventBytes = 256 * 1024;
const recheckEveryMs = 60_000;
/** A line on which nobody has come in by then is cut. */
const connectTimeoutMs = 10_000;

/** Socket.IO for people who are signed in; every event is parsed before anything else sees it. */
export function createSockets(options: SocketsOptions): Sockets {
  const { httpServer, authenticate, isAllowedOrigin, roleOn, requireAccess, handlers, logger } =
    options;
  /** How often rights were taken away: a handshake during which it grew looks again. */
  let endings = 0;
  const server: AppServer = new Server(httpServer, {
    serveClient: false,
    destroyUpgrade: false,
    perMessageDeflate: false,
    connectTimeout: connectTimeoutMs,
    maxHttpBufferSize: maxEventBytes,
    allowRequest: (request, decide) => decide(null, isAllowedOrigin(request.headers.origin)),
  });

  for (const set of options.headers) server.engine.use(set);

  server.use((socket, next) => {
    const { cookie } = socket.request.headers;
    const endingsBefore = endings;
    authenticate(cookie).then(
      (session) => {
        if (session === undefined) return next(refusal("signed_out", "Sign in to go on."));
        socket.data = { session, cookie, endingsBefore };
        next();
      },
      (error: unknown) => {
        logger.warn({ error }, "session could not be looked up");
        // A refusal would be final; a connection that breaks off is tried again by the client.
        socket.conn.close();
        next(refusal("unavailable", "The server cannot look up your session just now."));
      },
    );
  });

  limitConnections(server, options);

  server.on("connection", (socket) => {
    const { id, actor } = socket.data.session;
    // The adapter in memory joins at once.
    void socket.join([sessionRoom(id), accountRoom(actor.id)]);
    placeAmongAdmins(socket);
    if (socket.data.endingsBefore !== endings) void recheckSession(socket);
    const rights = { isStillSignedIn, roleOn, requireAccess };
    const sender = readSender(socket.request, options.readAddress, null);
    const { limits } = options;
    const line = createEventLine({ socket, sender, handlers, ...rights, limits, logger });
    // Middleware sees every packet, known or not; nothing is passed on to listeners.
    socket.use((packet) => line.take(packet));
  });

  const recheck = setInterval(() => void recheckSessions(), recheckEveryMs).unref();

  /** Disconnects a socket whose session has ended. */
  async function isStillSignedIn(socket: AppSocket): Promise<boolean> {
    const session = await authenticate(socket.data.cookie);
    if (session === undefined) {
      socket.disconnect(true);
      return false;
    }
    socket.data.session = session;
    placeAmongAdmins(socket);
    return true;
  }

  /** Those who became admins hear of the queue from now on, those who are none any more do not. */
  function placeAmongAdmins(socket: AppSocket): void {
    const { role, totpMissing } = socket.data.session.actor;
    const isAdmin = mayGlobally(role, "administer") && totpMissing !== true;
    if (!socket.connected || isAdmin === socket.rooms.has(adminsRoom)) return;
    if (!isAdmin) return void socket.leave(adminsRoom); // the adapter in memory leaves at once
    void socket.join(adminsRoom);
    options.onAdmin();
  }

  async function recheckSessions(): Promise<void> {
    for (const socket of server.of("/").sockets.values()) await recheckSession(socket);
  }

  async function recheckSession(socket: AppSocket): Promise<void> {
    try {
      await isStillSignedIn(socket);
    } catch (error) {
      logger.warn({ error }, "session could not be looked up again");
    }
  }

  function socketsOf(accountId: string): AppSocket[] {
    const ids = server.of("/").adapter.rooms.get(accountRoom(accountId)) ?? [];
    return [...ids].flatMap((id) => server.of("/").sockets.get(id) ?? []);
  }

  return {
    toDocument<Event extends ServerEvent>(
      documentId: string,
      event: Event,
      payload: Payload<Event>,
    ) {
      const isToken = event === "run:tokens";
      const room = server.to(isToken ? tokenRoom(documentId) : documentRoom(documentId));
      // Old numbers are worth nothing to a slow connection.
      const target = event === "run:stats" ? room.volatile : room;
      target.emit(event, ...([payload] as EventArguments<Event>));
    },
    toAccount<Event extends ServerEvent>(accountId: string, event: Event, payload: Payload<Event>) {
      server.to(accountRoom(accountId)).emit(event, ...([payload] as EventArguments<Event>));
    },
    toAdmins<Event extends ServerEvent>(event: Event, payload: Payload<Event>) {
      server.to(adminsRoom).emit(event, ...([payload] as EventArguments<Event>));
    },
    async accessChanged(accountId, documentId) {
      endings += 1;
      for (const socket of socketsOf(accountId)) {
        if (!(await isStillSignedIn(socket))) continue;
        const joined = joinedDocuments(socket);
        const concerned = documentId === null ? joined : joined.filter((id) => id === documentId);
        for (const id of concerned) {
          const role = await roleOn(accountId, id);
          if (role === null) for (const room of roomsOf(id)) await socket.leave(room);
          socket.emit("document:access", { documentId: id, role });
        }
      }
    },
    sessionEnded(sessionId) {
      endings += 1;
      server.in(sessionRoom(sessionId)).disconnectSockets(true);
    },
    count: () => server.of("/").sockets.size,
    close() {
      clearInterval(recheck);
      // Not server.close(): the HTTP server is not ours to close.
      server.disconnectSockets(true);
      server.engine.close();
    },
  };
}

const adminsRoom = "admins";

function accountRoom(accountId: string): string {
  return `account:${accountId}`;
}

function sessionRoom(sessionId: string): string {
  return `session:${sessionId}`;
}

function joinedDocuments(socket: AppSocket): string[] {
  const prefix = documentRoom("");
  return [...socket.rooms].flatMap((room) =>
    room.startsWith(prefix) ? room.slice(prefix.length) : [],
  );
}
