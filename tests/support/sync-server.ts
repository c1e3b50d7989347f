import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import type { AccountRole, DocumentRole } from "#shared/permissions.ts";
import { syncLimits, syncQuery } from "#shared/sync-protocol.ts";
import type { Database } from "../../server/database/database.ts";
import { createSync, type Sync, type SyncDeps } from "../../server/sync/sync.ts";
import type { Authorise } from "../../server/sync/types.ts";
import { silent } from "./pglite.ts";

/** Sync behind a plain HTTP server; the query's `as` says who connects, `session` under which one. */
export interface SyncServer {
  sync: Sync;
  url: string;
  /** Cuts every line and stops listening, as a crash would; sync itself is left as it stands. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export async function startSyncServer(
  database: Database,
  deps: Partial<SyncDeps> = {},
): Promise<SyncServer> {
  const sync = createSync({
    database,
    authorise: authoriseFrom(database),
    project: async () => undefined,
    logger: silent,
    ...deps,
  });
  const http = createServer();
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: syncLimits.frameBytes,
  });
  http.on("upgrade", (request, socket, head) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const accountId = url.searchParams.get("as");
    const epoch = url.searchParams.get(syncQuery.restoreEpoch);
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      sync.accept(webSocket, {
        documentId: decodeURIComponent(url.pathname.slice("/sync/".length)),
        session:
          accountId === null
            ? undefined
            : { accountId, sessionId: url.searchParams.get("session") ?? accountId },
        epoch: epoch === null ? undefined : Number(epoch),
        account: url.searchParams.get(syncQuery.account) ?? undefined,
        acknowledge: url.searchParams.get(syncQuery.acknowledge) === "1",
      }),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  const lines = new Set<Socket>();
  http.on("connection", (line) => {
    lines.add(line);
    line.on("close", () => lines.delete(line));
  });
  async function crash(): Promise<void> {
    const closed = new Promise((resolve) => http.close(resolve));
    for (const line of lines) line.destroy();
    await closed;
  }
  return {
    sync,
    url: `ws://127.0.0.1:${port}/sync`,
    crash,
    async close() {
      await sync.close();
      await crash();
    },
  };
}

/** Roles straight from the assignments, as documents decides them. */
export function authoriseFrom({ kysely }: Database): Authorise {
  return async (accountId, documentId) => {
    const row = await kysely
      .selectFrom("assignments")
      .innerJoin("users", "users.id", "assignments.user_id")
      .select(["users.name", "users.access_epoch", "assignments.role"])
      .where("user_id", "=", accountId)
      .where("document_id", "=", documentId)
      .where("revoked_at", "is", null)
      .where("users.status", "=", "active")
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return { accountId, name: row.name, role: row.role, accessEpoch: row.access_epoch };
  };
}

export async function addAccount(
  { kysely }: Database,
  id: string,
  role: AccountRole = "sponsor",
): Promise<string> {
  await kysely
    .insertInto("users")
    .values({
      id,
      email: `${id}@sync.test`,
      name: `${id[0]?.toUpperCase()}${id.slice(1)}`,
      role,
      status: "active",
      password_hash: "-",
    })
    .execute();
  return id;
}

/** A document whose accounts exist; the first role of `owner` owns it. */
export async function addDocument(
  { kysely }: Database,
  id: string,
  roles: Record<string, DocumentRole>,
): Promise<string> {
  const owner = Object.keys(roles).find((account) => roles[account] === "owner");
  if (owner === undefined) throw new Error("a document needs an owner");
  await kysely.insertInto("documents").values({ id, title: id, owner_id: owner }).execute();
  await kysely
    .insertInto("assignments")
    .values(
      Object.entries(roles).map(([user_id, role]) => ({
        document_id: id,
        user_id,
        role,
        granted_by: owner,
      })),
    )
    .execute();
  return id;
}

/** Changes a role (null: revokes) as documents does: the account's access epoch moves with it. */
export async function changeRole(
  { kysely }: Database,
  documentId: string,
  accountId: string,
  role: DocumentRole | null,
): Promise<void> {
  await kysely.transaction().execute(async (transaction) => {
    await transaction
      .updateTable("assignments")
      .set(role === null ? { revoked_at: new Date() } : { role, revoked_at: null })
      .where("document_id", "=", documentId)
      .where("user_id", "=", accountId)
      .execute();
    await transaction
      .updateTable("users")
      .set((column) => ({ access_epoch: column("access_epoch", "+", 1) }))
      .where("id", "=", accountId)
      .execute();
  });
}

export interface Tab {
  doc: Y.Doc;
  provider: WebsocketProvider;
  body: Y.Text;
  synced(): Promise<void>;
  /** The code that ended it for good. */
  closed: Promise<number>;
  close(): void;
}

/** One browser tab: a real y-websocket client. */
export function openTab(
  url: string,
  documentId: string,
  account: string,
  options: { doc?: Y.Doc; params?: Record<string, string>; connect?: boolean } = {},
): Tab {
  const doc = options.doc ?? new Y.Doc();
  const provider = new WebsocketProvider(url, documentId, doc, {
    // The ws package's class has all that the provider uses of the browser's.
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    connect: options.connect ?? true,
    params: { as: account, ...options.params },
  });
  const closed = new Promise<number>((resolve) => {
    provider.on("closed", ({ code }) => resolve(code));
  });
  return {
    doc,
    provider,
    body: doc.getText("body"),
    async synced() {
      if (!provider.synced) await new Promise((resolve) => provider.once("sync", resolve));
    },
    closed,
    close: () => provider.destroy(),
  };
}
