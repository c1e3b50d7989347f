import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import { messageTypes, syncLimits } from "#shared/sync-protocol.ts";
import { transactionLimits } from "../../client/editor/split-delta.ts";
import { type IncomingLimits, incomingLimits } from "../../server/sync/incoming-pace.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRawSocket, type RawSocket } from "../support/raw-socket.ts";
import {
  addAccount,
  addDocument,
  openTab,
  type SyncServer,
  startSyncServer,
  type Tab,
} from "../support/sync-server.ts";

let store: TestDatabase;
let server: SyncServer;
const tabs: Tab[] = [];
const raw: RawSocket[] = [];
beforeAll(async () => {
  store = await openTestDatabase();
  for (const id of ["ann", "ben"]) await addAccount(store.database, id);
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const tab of tabs.splice(0)) tab.close();
  for (const socket of raw.splice(0)) socket.close();
  await server.close();
});
afterAll(() => store.remove());

async function open(incoming: IncomingLimits): Promise<string> {
  server = await startSyncServer(store.database, { incoming });
  const id = `document-${crypto.randomUUID().slice(0, 8)}`;
  return addDocument(store.database, id, { ann: "owner", ben: "editor" });
}

async function tabOf(id: string, account: string, doc = new Y.Doc()): Promise<Tab> {
  const tab = openTab(server.url, id, account, { doc });
  tabs.push(tab);
  await tab.synced();
  return tab;
}

async function flooder(id: string): Promise<RawSocket> {
  const socket = await openRawSocket(`${server.url}/${id}?as=ben`);
  raw.push(socket);
  await vi.waitFor(() => expect(socket.frames.length).toBeGreaterThan(0));
  return socket;
}

const patient = { timeout: 45_000, interval: 5 };
const query = Uint8Array.of(messageTypes.queryAwareness);
const answers = ({ frames }: RawSocket) =>
  frames.filter(([type]) => type === messageTypes.awareness).length;

test("A22: a flood of frames is read slowly, all of it, while the others write as ever", async () => {
  const id = await open({ ...incomingLimits, frames: { most: 50, perSecond: 100 } });
  const ann = await tabOf(id, "ann");
  const ben = await flooder(id);
  const before = answers(ben);
  const began = performance.now();
  for (let count = 0; count < 250; count++) ben.send(query);
  const seen = await tabOf(id, "ann");
  const sent = answers(ben) - before;
  expect(sent).toBeLessThan(250);
  ann.body.insert(0, "Typed meanwhile.");
  await vi.waitFor(() => expect(seen.body.toString()).toContain("Typed meanwhile."));
  await vi.waitFor(() => expect(answers(ben) - before).toBeGreaterThanOrEqual(250));
  expect(performance.now() - began).toBeGreaterThan(1_000);
});

test("A22: what goes on flooding is closed with 1013, and the text stays whole", async () => {
  const id = await open({
    frames: { most: 50, perSecond: 100 },
    bytes: { most: 1e9, perSecond: 1e9 },
    patienceMs: 300,
  });
  const ann = await tabOf(id, "ann");
  ann.body.insert(0, "Whole.");
  const ben = await flooder(id);
  const flood = setInterval(() => {
    for (let count = 0; count < 100; count++) ben.send(query);
  }, 20);
  expect(await ben.closed).toBe(closeCodes.overloaded);
  clearInterval(flood);
  expect((await tabOf(id, "ann")).body.toString()).toContain("Whole.");
});

test("A22: bytes are counted as well as frames", async () => {
  const id = await open({ ...incomingLimits, bytes: { most: 100_000, perSecond: 100_000 } });
  const pauses = vi.spyOn(WebSocket.prototype, "pause");
  const ann = await tabOf(id, "ann");
  expect(pauses).not.toHaveBeenCalled();
  ann.body.insert(0, "x".repeat(150_000));
  await vi.waitFor(() => expect(pauses).toHaveBeenCalled());
  const ben = await tabOf(id, "ben");
  await vi.waitFor(() => expect(ben.body.toString()).toContain("x".repeat(150_000)));
});

test("A22: nobody who writes is slowed down: not at a held key, not by pasting megabytes, not with an offline copy of the largest kind", async () => {
  const id = await open(incomingLimits);
  const pauses = vi.spyOn(WebSocket.prototype, "pause");
  const ann = await tabOf(id, "ann");
  const ben = await tabOf(id, "ben");
  // Half a minute of a held key, at once.
  for (let count = 0; count < 900; count++) {
    ann.body.insert(count, "k");
    ann.provider.awareness.setLocalStateField("cursor", count);
  }
  // The page splits what is pasted into frames of this size.
  const part = "ü".repeat(transactionLimits.units);
  for (let count = 0; count < 16; count++) ann.body.insert(0, part);
  const length = 900 + 16 * part.length;
  await vi.waitFor(() => expect(ben.body.length).toBeGreaterThanOrEqual(length), patient);
  // Written offline, it comes in one frame.
  const offline = new Y.Doc();
  offline.getText("body").insert(0, "o".repeat(syncLimits.step2Bytes - 1_000));
  const other = await addDocument(store.database, `${id}-offline`, { ann: "owner" });
  await tabOf(other, "ann", offline);
  const reader = await tabOf(other, "ann");
  await vi.waitFor(() => expect(reader.body.length).toBeGreaterThan(syncLimits.step2Bytes - 1_000));
  expect(pauses).not.toHaveBeenCalled();
});

test("A22: echoes of what others show are not held against a client", async () => {
  const id = await open({ ...incomingLimits, frames: { most: 60, perSecond: 0.1 } });
  const pauses = vi.spyOn(WebSocket.prototype, "pause");
  const ann = await flooder(id);
  const ben = await tabOf(id, "ben");
  const room = await server.sync.rooms.open(id);
  let echoed = 0;
  const echo = () => {
    const heard = ann.frames.filter(([type]) => type === messageTypes.awareness);
    for (const frame of heard.slice(echoed)) ann.send(frame);
    echoed = heard.length;
  };
  for (let count = 0; count < 40; count++) {
    ben.provider.awareness.setLocalStateField("composing", count % 2 === 0);
    const composing = count % 2 === 0;
    await vi.waitFor(() => expect(room.presence()).toMatchObject([{ composing }]), patient);
    echo();
  }
  room.release();
  await vi.waitFor(() => {
    echo();
    expect(echoed).toBeGreaterThanOrEqual(40);
  });
  // Of its own it has sent nothing so far.
  for (let count = 0; count < 40; count++) ann.send(query);
  await vi.waitFor(() => expect(answers(ann)).toBeGreaterThanOrEqual(echoed + 40));
  expect(pauses).not.toHaveBeenCalled();
});
