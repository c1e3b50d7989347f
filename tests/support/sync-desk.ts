import type { Selectable } from "kysely";
import * as Y from "yjs";
import type { Database } from "../../server/database/database.ts";
import type { Tables } from "../../server/database/tables.ts";
import { decodeFrame } from "../../server/sync/frames.ts";
import type { OpenRoom } from "../../server/sync/types.ts";
import { openTestDatabase } from "./pglite.ts";
import { openRawSocket, type RawSocket } from "./raw-socket.ts";
import {
  addAccount,
  addDocument,
  openTab,
  type SyncServer,
  startSyncServer,
  type Tab,
} from "./sync-server.ts";

/** Real sync over a real database; everybody there has an account. */
export interface SyncDesk {
  server: SyncServer;
  database: Database;
  /** Ann owns it, Ben edits, Wim watches; Eve has nothing to do with it. */
  newDocument(): Promise<string>;
  tab(documentId: string, account: string, options?: Parameters<typeof openTab>[3]): Tab;
  syncedTab(documentId: string, account: string): Promise<Tab>;
  /** `query` goes on with the address. */
  raw(documentId: string, account: string, query?: string): Promise<RawSocket>;
  openRoom(documentId: string): Promise<OpenRoom>;
  /** The document's log. */
  readRows(documentId: string): Promise<Selectable<Tables["document_updates"]>[]>;
  /** What somebody new types; their low ids lie before the server's line break. */
  typed(text: string): Uint8Array;
  /** Closes what was opened since. */
  leave(): void;
  close(): Promise<void>;
}

/** Opens sync with a database of its own. */
export async function openSyncDesk(): Promise<SyncDesk> {
  const store = await openTestDatabase();
  const { database } = store;
  for (const id of ["ann", "ben", "wim", "eve"]) await addAccount(database, id);
  const server = await startSyncServer(database);
  const closers: (() => void)[] = [];
  let documents = 0;
  let clientId = 1_000;
  const desk: SyncDesk = {
    server,
    database,
    newDocument: () =>
      addDocument(database, `d${++documents}`, { ann: "owner", ben: "editor", wim: "watcher" }),
    tab(documentId, account, options) {
      const opened = openTab(server.url, documentId, account, options);
      closers.push(() => opened.close());
      return opened;
    },
    async syncedTab(documentId, account) {
      const opened = desk.tab(documentId, account);
      await opened.synced();
      return opened;
    },
    async raw(documentId, account, query = "") {
      const socket = await openRawSocket(`${server.url}/${documentId}?as=${account}${query}`);
      closers.push(() => socket.close());
      return socket;
    },
    async openRoom(documentId) {
      const room = await server.sync.rooms.open(documentId);
      closers.push(() => room.release());
      return room;
    },
    readRows: (documentId) =>
      database.kysely
        .selectFrom("document_updates")
        .selectAll()
        .where("document_id", "=", documentId)
        .orderBy("seq")
        .execute(),
    typed: (text) => updateOf((doc) => doc.getText("body").insert(0, text), ++clientId),
    leave() {
      for (const close of closers.splice(0)) close();
    },
    async close() {
      await server.close();
      await store.remove();
    },
  };
  return desk;
}

/** The frames of one kind that came so far. */
export function frames(socket: RawSocket, kind: string) {
  return socket.frames.map(decodeFrame).filter((frame) => frame?.kind === kind);
}

/** The update of a change that a document of its own was made with. */
export function updateOf(change: (doc: Y.Doc) => void, clientId?: number): Uint8Array {
  const doc = new Y.Doc();
  if (clientId !== undefined) doc.clientID = clientId;
  change(doc);
  return Y.encodeStateAsUpdate(doc);
}
