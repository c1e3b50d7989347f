import type { WebSocket } from "ws";
import type * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import type { Database } from "../database/database.ts";
import { NotFoundError } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";
import { createCommitQueue } from "./commit-queue.ts";
import { Connection, closeWebSocket } from "./connection.ts";
import { type IncomingLimits, incomingLimits } from "./incoming-pace.ts";
import { startKeepAlive } from "./keep-alive.ts";
import { replay } from "./loading.ts";
import { createPatience } from "./patience.ts";
import { asOpenRoom, RoomRegistry } from "./rooms.ts";
import { createSnapshots } from "./snapshots.ts";
import type { Access, Authorise, Rooms } from "./types.ts";

/** What came with the upgrade to `/sync/<documentId>`. */
export interface SyncRequest {
  documentId: string;
  /** Undefined: nobody is signed in. */
  session: { accountId: string; sessionId: string } | undefined;
  /** What the client believes; absent from a plain y-websocket client. */
  epoch?: number | undefined;
  account?: string | undefined;
  /** Whether it wants message 100. */
  acknowledge: boolean;
}

export interface Sync {
  readonly rooms: Rooms;
  /** Takes every upgraded socket, also those that are to be closed with a code. */
  accept(webSocket: WebSocket, request: SyncRequest): void;
  /** Closes what was opened under the session. */
  sessionEnded(sessionId: string): void;
  /** The document as it stood after `seq`. Throws NotFoundError. */
  readDocumentAt(documentId: string, seq: number): Promise<Y.Doc>;
  /** What is open now. */
  counts(): Promise<{ connections: number; documents: number }>;
  /** Writes what waits, closes every connection with 1012. */
  close(): Promise<void>;
}

export interface SyncDeps {
  database: Database;
  authorise: Authorise;
  /** Whether a session is still there; absent: sessions are not looked at. */
  isSessionAlive?: (sessionId: string) => Promise<boolean>;
  /** Keeps what lists show of a document up with it. */
  project: (documentId: string, doc: Y.Doc) => Promise<void>;
  logger: Logger;
  /** Other limits than an installation has. */
  incoming?: IncomingLimits;
  /** The id that the server writes with in a document; absent: drawn by chance. */
  drawClientId?: (documentId: string) => number;
  /** Called and waited for around each commit: a test's way to let the process die right there. */
  beforeCommit?: (documentId: string) => Promise<void>;
  afterCommit?: (documentId: string) => Promise<void>;
}

/** How long a drain waits for a database that is away. */
const drainTimeoutMs = 5_000;

/** What an id can look like; anything else never reaches the database. */
const documentIds = /^[\w-]{1,64}$/;

/** Real-time sync of documents over WebSockets. */
export function createSync(deps: SyncDeps): Sync {
  const { database, authorise, logger, incoming = incomingLimits } = deps;
  const patience = createPatience(logger);
  const commitQueue = createCommitQueue({ database, patience });
  const snapshots = createSnapshots({ database, logger });
  const registry = new RoomRegistry({ ...deps, judge, commitQueue, snapshots, patience });
  const connections = new Set<Connection>();
  const keepAlive = startKeepAlive({ connections, rooms: () => registry.loaded() });
  let closing: Promise<void> | undefined;

  function accept(webSocket: WebSocket, request: SyncRequest): void {
    webSocket.on("error", (error) => logger.debug({ err: error }, "sync socket error"));
    const { session, documentId, acknowledge } = request;
    if (session === undefined || (request.account ?? session.accountId) !== session.accountId) {
      closeWebSocket(webSocket, closeCodes.signedOut, "sign in to go on");
      return;
    }
    if (!documentIds.test(documentId)) {
      closeWebSocket(webSocket, closeCodes.noSuchDocument, "no such document");
      return;
    }
    const asked = { ...session, documentId, acknowledge };
    const connection = new Connection(webSocket, asked, { logger, incoming });
    connections.add(connection);
    webSocket.on("close", () => connections.delete(connection));
    join(connection, request.epoch).catch((error: unknown) => turnAway(connection, error));
  }

  async function join(connection: Connection, epoch: number | undefined): Promise<void> {
    const access = await authoriseNow(connection);
    if (access === undefined) return turnAway(connection, new NotFoundError());
    if (access === "signedOut") return endSession(connection);
    const { room, release } = await registry.hold(connection.request.documentId);
    try {
      if (epoch !== undefined && epoch !== room.restoreEpoch) {
        connection.close(closeCodes.notOurCopy, "the document was restored from a backup");
      } else if (connection.takeAccessChanged()) {
        await join(connection, epoch);
      } else if (!connection.isClosed) {
        room.join(connection, access);
      }
    } finally {
      release();
    }
  }

  /** The session is looked at last: one that ends later moves the access epoch read before it. */
  async function authoriseNow({ request }: Connection): Promise<Access | "signedOut" | undefined> {
    const { accountId, documentId, sessionId } = request;
    const access = await authorise(accountId, documentId);
    const isAlive = (await deps.isSessionAlive?.(sessionId)) ?? true;
    return isAlive ? access : "signedOut";
  }

  /** Asks again what the connection may do, and tells it. */
  async function judge(connection: Connection): Promise<void> {
    const access = await patience.retry(() => authoriseNow(connection));
    if (access === "signedOut") endSession(connection);
    else connection.changeAccess(access);
  }

  function endSession(connection: Connection): void {
    connection.close(closeCodes.signedOut, "the session has ended");
  }

  function turnAway(connection: Connection, error: unknown): void {
    if (error instanceof NotFoundError) {
      connection.close(closeCodes.noSuchDocument, "no such document");
      return;
    }
    logger.warn({ err: error }, "sync connection turned away");
    connection.close(closeCodes.overloaded, "not now");
  }

  async function accessChanged(accountId: string, documentId: string | null): Promise<void> {
    const concerned = [...connections].filter(
      ({ request }) =>
        request.accountId === accountId &&
        (documentId ?? request.documentId) === request.documentId,
    );
    await Promise.all(concerned.map(judge));
  }

  async function drain(): Promise<void> {
    const timer = setTimeout(() => patience.end(), drainTimeoutMs);
    await registry.close();
    clearTimeout(timer);
    for (const connection of connections) connection.close(closeCodes.reloading, "restart");
    await commitQueue.idle();
    keepAlive.stop();
  }

  return {
    rooms: {
      open: async (documentId) => asOpenRoom(await registry.hold(documentId)),
      async keepSnapshot(documentId) {
        const { room, release } = await registry.hold(documentId);
        await room.keepSnapshot().finally(release);
      },
      accessChanged,
      discard: (documentId) => registry.discard(documentId),
      close: () => registry.close(),
    },
    accept,
    sessionEnded(sessionId) {
      for (const connection of connections) {
        if (connection.request.sessionId === sessionId) endSession(connection);
      }
    },
    async counts() {
      return { connections: connections.size, documents: (await registry.loaded()).length };
    },
    async readDocumentAt(documentId, seq) {
      return (await replay(documentId, seq, { database, snapshots, logger })).doc;
    },
    close() {
      closing ??= drain();
      return closing;
    },
  };
}
