import type { Server as HttpServer } from "node:http";
import { Server } from "socket.io";
import type { DocumentRole } from "#shared/permissions.ts";
import type { IsAllowedOrigin } from "../http/origin.ts";
import type { Authenticate } from "../http/session.ts";
import type { Logger } from "../observability/logger.ts";
import {
  type AppServer,
  type AppSocket,
  documentRoom,
  type EventArguments,
  type Payload,
  type ServerEvent,
} from "./connection.ts";
import { createEventLine, type EventHandlers, type RequireAccess } from "./event-line.ts";

export interface Sockets {
  /** To everyone who joined the document. */
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
  logger: Logger;
}

/** The most an event may hold: a state vector and a sampling. */
const maxEventBytes = 256 * 1024;
const recheckEveryMs = 60_000;

/** Socket.IO for people who are signed in; every event is parsed before anything else sees it. */
export function createSockets(options: SocketsOptions): Sockets {
  const { httpServer, authenticate, isAllowedOrigin, roleOn, requireAccess, handlers, logger } =
    options;
  const server: AppServer = new Server(httpServer, {
    serveClient: false,
    destroyUpgrade: false,
    perMessageDeflate: false,
    maxHttpBufferSize: maxEventBytes,
    allowRequest: (request, decide) => decide(null, isAllowedOrigin(request.headers.origin)),
  });

  server.use((socket, next) => {
    const { cookie } = socket.request.headers;
    authenticate(cookie).then(
      (session) => {
        if (session === undefined) return next(refusal("signed_out", "Sign in to go on."));
        socket.data = { session, cookie };
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

  server.on("connection", (socket) => {
    const { id, actor } = socket.data.session;
    // The adapter in memory joins at once.
    void socket.join([sessionRoom(id), accountRoom(actor.id)]);
    const rights = { isStillSignedIn, roleOn, requireAccess };
    const line = createEventLine({ socket, handlers, ...rights, logger });
    // Middleware sees every packet, known or not; nothing is passed on to listeners.
    socket.use((packet) => line.take(packet));
  });

  const recheck = setInterval(() => void recheckSessions(), recheckEveryMs).unref();

  /** Disconnects a socket whose session has ended. */
  async function isStillSignedIn(socket: AppSocket): Promise<boolean> {
    const session = await authenticate(socket.data.cookie);
    if (session === undefined) socket.disconnect(true);
    else socket.data.session = session;
    return session !== undefined;
  }

  async function recheckSessions(): Promise<void> {
    for (const socket of server.of("/").sockets.values()) {
      await isStillSignedIn(socket).catch((error: unknown) =>
        logger.warn({ error }, "session could not be looked up again"),
      );
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
      const room = server.to(documentRoom(documentId));
      // Old numbers are worth nothing to a slow connection.
      const target = event === "run:stats" ? room.volatile : room;
      target.emit(event, ...([payload] as EventArguments<Event>));
    },
    toAccount<Event extends ServerEvent>(accountId: string, event: Event, payload: Payload<Event>) {
      server.to(accountRoom(accountId)).emit(event, ...([payload] as EventArguments<Event>));
    },
    async accessChanged(accountId, documentId) {
      for (const socket of socketsOf(accountId)) {
        if (!(await isStillSignedIn(socket))) continue;
        const joined = joinedDocuments(socket);
        const concerned = documentId === null ? joined : joined.filter((id) => id === documentId);
        for (const id of concerned) {
          const role = await roleOn(accountId, id);
          if (role === null) await socket.leave(documentRoom(id));
          socket.emit("document:access", { documentId: id, role });
        }
      }
    },
    sessionEnded(sessionId) {
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

/** What the client's `connect_error` carries. */
function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { data: { code, message } });
}

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
