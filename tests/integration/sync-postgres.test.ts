import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import { syncLimits } from "#shared/sync-protocol.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { savedFrame, updateFrame } from "../../server/sync/frames.ts";
import { silent } from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { openRawSocket } from "../support/raw-socket.ts";
import {
  addAccount,
  addDocument,
  openTab,
  type SyncServer,
  startSyncServer,
} from "../support/sync-server.ts";

let postgres: PostgresServer;
let database: Database;
let server: SyncServer;

beforeAll(async () => {
  postgres = await startPostgres();
  const databaseUrl = await postgres.createDatabase("sync");
  database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
  await migrate(database, silent);
  for (const id of ["ann", "ben"]) await addAccount(database, id);
  server = await startSyncServer(database);
});
afterAll(async () => {
  await server?.close();
  await database?.close();
  await postgres?.remove();
});

const newDocument = (id: string) => addDocument(database, id, { ann: "owner", ben: "editor" });

test("S1 R12: a database that goes away and comes back while the server writes loses nothing and shows nothing unsaved", async () => {
  const id = await newDocument("streamed");
  const ann = openTab(server.url, id, "ann");
  const ben = openTab(server.url, id, "ben");
  await Promise.all([ann.synced(), ben.synced()]);
  const room = await server.sync.rooms.open(id);
  const write = (index: number) =>
    room.write({ kind: "run", runId: "r", actorId: "ann" }, (doc) => {
      const body = doc.getText("body");
      body.insert(body.length - 1, `${index} `, {});
    });
  for (let index = 0; index < 20; index++) await write(index);
  await postgres.stop();
  const away = [20, 21, 22].map(write);
  ben.body.insert(0, "While it was away. ");
  await vi.waitFor(() => expect(ben.provider.wsconnected).toBe(true));
  expect(ann.body.toString()).not.toContain("20");
  expect(ann.body.toString()).not.toContain("away");
  await postgres.start();
  await Promise.all(away);
  for (let index = 23; index < 30; index++) await write(index);
  const expected = Array.from({ length: 30 }, (_, index) => `${index} `).join("");
  await vi.waitFor(() => expect(ann.body.toString()).toBe(`While it was away. ${expected}\n`));
  expect(ben.body.toString()).toBe(ann.body.toString());
  const { head_seq } = await database.kysely
    .selectFrom("documents")
    .select("head_seq")
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  const stored = await server.sync.readDocumentAt(id, head_seq);
  expect(stored.getText("body").toString()).toBe(ann.body.toString());
  room.release();
  ann.close();
  ben.close();
});

test("S10: a room holds back up to 8 MB while the database is away, then closes with 1013, and keeps what it took", async () => {
  const id = await newDocument("overfull");
  const ann = await openRawSocket(`${server.url}/${id}?as=ann&ack=1`);
  const doc = new Y.Doc();
  doc.clientID = 1;
  const body = doc.getText("body");
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  body.insert(0, "first");
  ann.send(updateFrame(updates[0] ?? new Uint8Array()));
  await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(1)));
  await postgres.stop();
  const piece = "x".repeat(200_000);
  const fitting = Math.floor(syncLimits.queuedBytes / piece.length) - 1;
  for (let count = 0; count < fitting; count++) body.insert(0, piece);
  for (const update of updates.slice(1)) ann.send(updateFrame(update));
  const other = await openRawSocket(`${server.url}/${id}?as=ann`).catch(() => undefined);
  other?.close();
  expect(ann.webSocket.readyState).toBe(ann.webSocket.OPEN);
  for (let count = 0; count < 3; count++) ann.send(updateFrame(updates[1] ?? new Uint8Array()));
  expect(await ann.closed).toBe(closeCodes.overloaded);
  await postgres.start();
  const room = await vi.waitFor(() => server.sync.rooms.open(id), { timeout: 10_000 });
  await vi.waitFor(() => expect(room.doc.getText("body").length).toBeGreaterThan(0));
  room.release();
});

test("who comes while the database is away is told to come back", async () => {
  const id = await newDocument("away");
  await postgres.stop();
  const ann = await openRawSocket(`${server.url}/${id}?as=ann`);
  expect(await ann.closed).toBe(closeCodes.overloaded);
  await postgres.start();
  const again = openTab(server.url, id, "ann");
  await again.synced();
  expect(again.body.toString()).toBe("\n");
  again.close();
});

test("clients of many documents share commits, and each has its own order", async () => {
  const ids = await Promise.all([1, 2, 3, 4, 5].map((n) => newDocument(`many-${n}`)));
  const tabs = ids.flatMap((id) => ["ann", "ben"].map((as) => openTab(server.url, id, as)));
  await Promise.all(tabs.map((tab) => tab.synced()));
  for (let round = 0; round < 20; round++) for (const tab of tabs) tab.body.insert(0, "x");
  await vi.waitFor(() => {
    for (const tab of tabs) expect(tab.body.toString()).toBe(`${"x".repeat(40)}\n`);
  });
  const rows = await database.kysely
    .selectFrom("document_updates")
    .select(({ fn }) => ["document_id", fn.max("seq").as("last"), fn.countAll<number>().as("rows")])
    .where("document_id", "in", ids)
    .groupBy("document_id")
    .execute();
  for (const row of rows) expect(row.rows).toBe(row.last);
  for (const tab of tabs) tab.close();
});
