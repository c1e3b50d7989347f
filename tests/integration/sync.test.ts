import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import { syncLimits } from "#shared/sync-protocol.ts";
import {
  awarenessFrame,
  decodeFrame,
  savedFrame,
  step1Frame,
  step2Frame,
  updateFrame,
} from "../../server/sync/frames.ts";
import type { OpenRoom } from "../../server/sync/types.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRawSocket, type RawSocket } from "../support/raw-socket.ts";
import {
  addAccount,
  addDocument,
  authoriseFrom,
  changeRole,
  openTab,
  type SyncServer,
  startSyncServer,
  type Tab,
} from "../support/sync-server.ts";

let testDatabase: TestDatabase;
let server: SyncServer;
let documents = 0;
const closers: (() => void)[] = [];

beforeAll(async () => {
  testDatabase = await openTestDatabase();
  for (const id of ["ann", "ben", "wim", "eve"]) await addAccount(testDatabase.database, id);
  server = await startSyncServer(testDatabase.database);
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
afterAll(async () => {
  await server.close();
  await testDatabase.remove();
});

const newDocument = () =>
  addDocument(testDatabase.database, `d${++documents}`, {
    ann: "owner",
    ben: "editor",
    wim: "watcher",
  });

function tab(documentId: string, account: string, options?: Parameters<typeof openTab>[3]): Tab {
  const opened = openTab(server.url, documentId, account, options);
  closers.push(() => opened.close());
  return opened;
}

async function syncedTab(documentId: string, account: string): Promise<Tab> {
  const opened = tab(documentId, account);
  await opened.synced();
  return opened;
}

async function raw(documentId: string, account: string, query = ""): Promise<RawSocket> {
  const socket = await openRawSocket(`${server.url}/${documentId}?as=${account}${query}`);
  closers.push(() => socket.close());
  return socket;
}

async function openRoom(documentId: string): Promise<OpenRoom> {
  const room = await server.sync.rooms.open(documentId);
  closers.push(() => room.release());
  return room;
}

const readRows = (documentId: string) =>
  testDatabase.database.kysely
    .selectFrom("document_updates")
    .selectAll()
    .where("document_id", "=", documentId)
    .orderBy("seq")
    .execute();

const frames = (socket: RawSocket, kind: string) =>
  socket.frames.map(decodeFrame).filter((frame) => frame?.kind === kind);

function updateOf(change: (doc: Y.Doc) => void, clientId?: number): Uint8Array {
  const doc = new Y.Doc();
  if (clientId !== undefined) doc.clientID = clientId;
  change(doc);
  return Y.encodeStateAsUpdate(doc);
}
/** Low ids, so that the text lies before the server's line break. */
let clientId = 1_000;
const typed = (text: string) => updateOf((doc) => doc.getText("body").insert(0, text), ++clientId);

describe("writing together", () => {
  test("S13: what one writes another sees, and a third who comes later", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    const ben = await syncedTab(id, "ben");
    ann.body.insert(0, "Once");
    ben.body.insert(0, "Hello. ");
    await vi.waitFor(() => {
      expect(ben.body.toString()).toMatch(/Once/);
      expect(ann.body.toString()).toBe(ben.body.toString());
    });
    const wim = await syncedTab(id, "wim");
    expect(wim.body.toString()).toBe(ben.body.toString());
  });

  test("D1 D2: the server alone makes the first line break, before anyone sees the document", async () => {
    const id = await newDocument();
    const tabs = await Promise.all([syncedTab(id, "ann"), syncedTab(id, "ben")]);
    for (const { body } of tabs) expect(body.toString()).toBe("\n");
    expect(await readRows(id)).toMatchObject([{ seq: 1, origin: "system", actor_id: null }]);
  });

  test("D2: a final line break that someone took away is put back", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    ann.body.insert(0, "Once");
    ann.body.delete(4, 1);
    await vi.waitFor(() => expect(ann.body.toString()).toBe("Once\n"));
  });

  test("S3: the log says who wrote what, in the order of application", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const ann = await syncedTab(id, "ann");
    ann.body.insert(0, "a");
    await vi.waitFor(() => expect(room.doc.getText("body").toString()).toBe("a\n"));
    await room.write({ kind: "run", runId: "r1", actorId: "ben" }, (doc) =>
      doc.getText("body").insert(1, "b"),
    );
    expect(await readRows(id)).toMatchObject([
      { seq: 1, origin: "system", actor_id: null, run_id: null },
      { seq: 2, origin: "user", actor_id: "ann", run_id: null },
      { seq: 3, origin: "run", actor_id: "ben", run_id: "r1" },
    ]);
  });

  test("what was written is there after everyone has left and the document was loaded again", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    ann.body.insert(0, "Once");
    await vi.waitFor(async () => expect(await readRows(id)).toHaveLength(2));
    ann.close();
    const again = await syncedTab(id, "ann");
    expect(again.body.toString()).toBe("Once\n");
  });

  test("readDocumentAt gives every state that ever was", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    for (const letter of "abc") {
      await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, letter));
    }
    await server.sync.rooms.keepSnapshot(id);
    const at = async (seq: number) =>
      (await server.sync.readDocumentAt(id, seq)).getText("body").toString();
    expect(await Promise.all([1, 2, 3, 4].map(at))).toEqual(["\n", "a\n", "ba\n", "cba\n"]);
  });
});

describe("client ids belong to accounts", () => {
  test("S5: a reload with an offline copy goes on under new and old ids, and sends no row twice", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    const ben = await syncedTab(id, "ben");
    ben.body.insert(0, "Ben. ");
    ann.body.insert(0, "Ann. ");
    await vi.waitFor(() => expect(ann.body.toString()).toContain("Ben. "));
    await vi.waitFor(() => expect(ben.body.toString()).toContain("Ann. "));
    ann.close();
    ann.body.insert(0, "Offline. ");
    const reloaded = new Y.Doc();
    Y.applyUpdate(reloaded, Y.encodeStateAsUpdate(ann.doc));
    const again = tab(id, "ann", { doc: reloaded });
    await again.synced();
    again.body.insert(0, "Online. ");
    await vi.waitFor(() => expect(ben.body.toString()).toBe(again.body.toString()));
    expect(ben.body.toString()).toContain("Online. Offline. ");
    expect(await readRows(id)).toHaveLength(5);
  });

  test("another account's id is refused with 4409 and nothing of it is applied", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    ann.body.insert(0, "Ann");
    await vi.waitFor(async () => expect(await readRows(id)).toHaveLength(2));
    const ben = await raw(id, "ben");
    const forged = new Y.Doc();
    Y.applyUpdate(forged, Y.encodeStateAsUpdate(ann.doc));
    forged.clientID = ann.doc.clientID;
    forged.getText("body").insert(0, "forged");
    ben.send(updateFrame(Y.encodeStateAsUpdate(forged)));
    expect(await ben.closed).toBe(closeCodes.notOurCopy);
    expect(ann.body.toString()).toBe("Ann\n");
    expect(await readRows(id)).toHaveLength(2);
  });

  test("an id that was shown in awareness is nobody else's any more", async () => {
    const id = await newDocument();
    const ann = await raw(id, "ann");
    const ben = await raw(id, "ben");
    ann.send(awarenessFrame([{ clientId: 77, clock: 1, state: "{}" }]));
    await vi.waitFor(() => expect(frames(ben, "awareness")).toHaveLength(1));
    ben.send(updateFrame(updateOf((doc) => doc.getText("body").insert(0, "mine"), 77)));
    expect(await ben.closed).toBe(closeCodes.notOurCopy);
  });

  test("the server never writes twice under one id", async () => {
    const id = await newDocument();
    const used: number[] = [];
    for (let load = 0; load < 3; load++) {
      const room = await server.sync.rooms.open(id);
      await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, "x"));
      used.push(room.doc.clientID);
      room.release();
      await vi.waitFor(() => expect(room.alive).toBe(false));
    }
    expect(new Set(used).size).toBe(3);
    const rows = await testDatabase.database.kysely
      .selectFrom("document_clients")
      .selectAll()
      .where("document_id", "=", id)
      .execute();
    expect(new Set(rows.map((row) => row.client_id))).toEqual(new Set(used));
    expect(rows.every((row) => row.account_id === null)).toBe(true);
  });
});

describe("Saved is said only of what is committed", () => {
  test("S2: message 100 counts step-2 and update frames once they are in the log", async () => {
    const id = await newDocument();
    const ann = await raw(id, "ann", "&ack=1");
    ann.send(step1Frame(Y.encodeStateVector(new Y.Doc())));
    await vi.waitFor(() => expect(frames(ann, "step2")).toHaveLength(1));
    ann.send(step2Frame(typed("a")));
    await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(1)));
    expect(await readRows(id)).toHaveLength(2);
    ann.send(updateFrame(typed("b")));
    await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(2)));
    expect(await readRows(id)).toHaveLength(3);
  });

  test("a frame that changes nothing is acknowledged without a row", async () => {
    const id = await newDocument();
    const ann = await raw(id, "ann", "&ack=1");
    const update = typed("a");
    ann.send(updateFrame(update));
    await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(1)));
    ann.send(updateFrame(update));
    ann.send(step2Frame(Uint8Array.of(0, 0)));
    await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(3)));
    expect(await readRows(id)).toHaveLength(2);
  });

  test("who did not ask for it never gets it", async () => {
    const id = await newDocument();
    const ann = await raw(id, "ann");
    const ben = await raw(id, "ben");
    ann.send(updateFrame(typed("a")));
    await vi.waitFor(() => expect(frames(ben, "update")).toHaveLength(1));
    expect(ann.frames.filter(([type]) => type === 100)).toEqual([]);
  });
});

describe("watchers read", () => {
  test("S7: they get the document, are never asked for theirs, and a queried awareness", async () => {
    const id = await newDocument();
    const wim = await raw(id, "wim");
    wim.send(step1Frame(Y.encodeStateVector(new Y.Doc())));
    wim.send(Uint8Array.of(3));
    await vi.waitFor(() => {
      expect(frames(wim, "step2")).toHaveLength(1);
      expect(frames(wim, "awareness")).toHaveLength(1);
    });
    expect(frames(wim, "step1")).toEqual([]);
  });

  test("S7: the third write closes with 4403; step 2 and frames that only delete do not count", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const wim = await raw(id, "wim");
    wim.send(step2Frame(typed("a")));
    for (let times = 0; times < 5; times++) wim.send(updateFrame(Uint8Array.of(0, 1, 5, 1, 0, 1)));
    wim.send(updateFrame(typed("a")));
    wim.send(updateFrame(typed("b")));
    wim.send(Uint8Array.of(3));
    await vi.waitFor(() => expect(frames(wim, "awareness")).toHaveLength(1));
    wim.send(updateFrame(typed("c")));
    expect(await wim.closed).toBe(closeCodes.readOnly);
    expect(room.doc.getText("body").toString()).toBe("\n");
  });

  test("their awareness is dropped", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const wim = await raw(id, "wim");
    const ben = await raw(id, "ben");
    wim.send(awarenessFrame([{ clientId: 5, clock: 1, state: "{}" }]));
    wim.send(Uint8Array.of(3));
    await vi.waitFor(() => expect(frames(wim, "awareness")).toHaveLength(1));
    expect(room.presence()).toEqual([]);
    expect(frames(ben, "awareness")).toEqual([]);
  });
});

describe("awareness", () => {
  test("S9: the server says who it is, whatever the client claims", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const ann = await raw(id, "ann");
    const state = JSON.stringify({ user: { id: "ben", name: "Ben" }, composing: true });
    ann.send(awarenessFrame([{ clientId: 5, clock: 1, state }]));
    await vi.waitFor(() =>
      expect(room.presence()).toEqual([
        { user: { id: "ann", name: "Ann", role: "owner" }, composing: true },
      ]),
    );
  });

  test("an echo of someone else's state is dropped and closes nothing", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    const ben = await syncedTab(id, "ben");
    ann.provider.awareness.setLocalState({ cursor: null });
    await vi.waitFor(() =>
      expect(ben.provider.awareness.getStates().get(ann.doc.clientID)).toMatchObject({
        user: { id: "ann" },
      }),
    );
    ben.body.insert(0, "still here");
    await vi.waitFor(() => expect(ann.body.toString()).toBe("still here\n"));
  });

  test("a state goes with its connection, but not when a newer one took it over", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const old = await raw(id, "ann");
    old.send(awarenessFrame([{ clientId: 5, clock: 1, state: "{}" }]));
    await vi.waitFor(() => expect(room.presence()).toHaveLength(1));
    const newer = await raw(id, "ann");
    newer.send(awarenessFrame([{ clientId: 5, clock: 1, state: "{}" }]));
    newer.send(Uint8Array.of(3));
    await vi.waitFor(() => expect(frames(newer, "awareness").length).toBeGreaterThan(1));
    const changes: number[] = [];
    room.onPresence(() => changes.push(room.presence().length));
    old.close();
    newer.send(awarenessFrame([{ clientId: 5, clock: 2, state: '{"composing":true}' }]));
    await vi.waitFor(() => expect(room.presence()).toMatchObject([{ composing: true }]));
    newer.close();
    await vi.waitFor(() => expect(room.presence()).toEqual([]));
    expect(changes).toEqual([1, 0]);
  });

  test("a client that comes back is seen again at once, under the clock it had", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    const ben = await syncedTab(id, "ben");
    const seen = () => ben.provider.awareness.getStates().has(ann.doc.clientID);
    ann.provider.awareness.setLocalState({ cursor: null });
    await vi.waitFor(() => expect(seen()).toBe(true));
    ann.provider.disconnect();
    await vi.waitFor(() => expect(seen()).toBe(false));
    ann.provider.connect();
    await vi.waitFor(() => expect(seen()).toBe(true));
  });

  test("a state that is too large is refused with 4413", async () => {
    const id = await newDocument();
    const ann = await raw(id, "ann");
    const state = JSON.stringify({ cursor: "x".repeat(syncLimits.awarenessBytes) });
    ann.send(awarenessFrame([{ clientId: 5, clock: 1, state }]));
    expect(await ann.closed).toBe(closeCodes.tooLarge);
  });

  test("of a flood the others get the first and the latest", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const ann = await raw(id, "ann");
    const ben = await raw(id, "ben");
    for (let clock = 1; clock <= 500; clock++) {
      ann.send(awarenessFrame([{ clientId: 5, clock, state: `{"cursor":{"anchor":${clock}}}` }]));
    }
    await vi.waitFor(() => expect(room.presence()).toMatchObject([{ cursor: { anchor: 500 } }]));
    expect(frames(ben, "awareness").length).toBeLessThan(50);
  });
});

describe("who may come in", () => {
  test.each([
    ["nobody is signed in", (id: string) => id, closeCodes.signedOut],
    [
      "the cookie is another account's",
      (id: string) => `${id}?as=ann&account=ben`,
      closeCodes.signedOut,
    ],
    [
      "the document is not shared with it",
      (id: string) => `${id}?as=eve`,
      closeCodes.noSuchDocument,
    ],
    ["there is no such document", () => "nowhere?as=ann", closeCodes.noSuchDocument],
    ["the id is malformed", () => "%00'?as=ann", closeCodes.noSuchDocument],
    [
      "the copy is of before a restore",
      (id: string) => `${id}?as=ann&epoch=7`,
      closeCodes.notOurCopy,
    ],
  ])("accepted, then closed: %s", async (_why, path, code) => {
    const socket = await openRawSocket(`${server.url}/${path(await newDocument())}`);
    expect(await socket.closed).toBe(code);
  });

  test("a client that names its account and epoch rightly comes in", async () => {
    const id = await newDocument();
    const ann = tab(id, "ann", { params: { account: "ann", epoch: "0", ack: "1" } });
    await ann.synced();
    expect(ann.body.toString()).toBe("\n");
  });

  test("S8: a revoked account is out within a second, everywhere", async () => {
    const id = await newDocument();
    const tabs = await Promise.all([syncedTab(id, "ben"), syncedTab(id, "ben")]);
    await changeRole(testDatabase.database, id, "ben", null);
    const since = performance.now();
    await server.sync.rooms.accessChanged("ben", null);
    expect(await Promise.all(tabs.map(({ closed }) => closed))).toEqual([4404, 4404]);
    expect(performance.now() - since).toBeLessThan(1_000);
  });

  test("an ended session closes its connections alone", async () => {
    const id = await newDocument();
    const first = tab(id, "ann", { params: { session: "one" } });
    const second = tab(id, "ann", { params: { session: "two" } });
    await Promise.all([first.synced(), second.synced()]);
    server.sync.sessionEnded("one");
    expect(await first.closed).toBe(closeCodes.signedOut);
    second.body.insert(0, "still here");
    await vi.waitFor(async () => expect(await readRows(id)).toHaveLength(2));
  });

  test("demoted to watcher it stays, reads on, and writes nothing more", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    const ben = await syncedTab(id, "ben");
    ben.provider.awareness.setLocalState({ cursor: null });
    await changeRole(testDatabase.database, id, "ben", "watcher");
    await server.sync.rooms.accessChanged("ben", id);
    ann.body.insert(0, "Ann");
    await vi.waitFor(() => expect(ben.body.toString()).toBe("Ann\n"));
    for (const letter of "abc") ben.body.insert(0, letter);
    expect(await ben.closed).toBe(closeCodes.readOnly);
    expect(ann.body.toString()).toBe("Ann\n");
  });

  test("S8: rights are checked in the commit itself: a change that nobody told sync of counts", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const ben = await raw(id, "ben", "&ack=1");
    ben.send(updateFrame(typed("a")));
    await vi.waitFor(() => expect(ben.frames).toContainEqual(savedFrame(1)));
    await changeRole(testDatabase.database, id, "ben", null);
    ben.send(updateFrame(typed("b")));
    expect(await ben.closed).toBe(closeCodes.noSuchDocument);
    expect(room.doc.getText("body").toString()).toContain("a");
    expect(room.doc.getText("body").toString()).not.toContain("b");
  });

  test("rights that changed and still allow it hold nothing up", async () => {
    const id = await newDocument();
    const ben = await raw(id, "ben", "&ack=1");
    await changeRole(testDatabase.database, id, "ben", "editor");
    ben.send(updateFrame(typed("b")));
    await vi.waitFor(() => expect(ben.frames).toContainEqual(savedFrame(1)));
  });
});

describe("frames outside the protocol", () => {
  test.each<[string, Uint8Array | string, number]>([
    ["no bytes", new Uint8Array(), closeCodes.malformed],
    ["text", "hello", closeCodes.malformed],
    ["an unknown type", Uint8Array.of(2, 0), closeCodes.malformed],
    ["an unknown kind of sync frame", Uint8Array.of(0, 9, 0), closeCodes.malformed],
    ["an update that is none", updateFrame(Uint8Array.of(1, 1)), closeCodes.malformed],
    ["bytes after the frame", Uint8Array.of(3, 1), closeCodes.malformed],
    ["a broken awareness", Uint8Array.of(1, 1, 9), closeCodes.malformed],
    ["a broken state vector", Uint8Array.of(0, 0, 2, 200, 200), closeCodes.malformed],
    ["an update of 256 KB", updateFrame(new Uint8Array(syncLimits.updateBytes + 1)), 4413],
    ["a step 2 of 4 MB", step2Frame(new Uint8Array(syncLimits.step2Bytes + 1)), 4413],
    [
      "nine bytes that ask for memory",
      updateFrame(Uint8Array.of(1, 0xff, 0xff, 0xff, 0x0f, 7, 0)),
      4413,
    ],
  ])("%s", async (_what, bytes, code) => {
    const ann = await raw(await newDocument(), "ann");
    ann.send(bytes);
    expect(await ann.closed).toBe(code);
  });
});

describe("the server's own writes", () => {
  test("S1: nobody is shown one before it is committed", async () => {
    const id = await newDocument();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const room = await openRoom(id);
    const entered = vi.fn<() => void>();
    const writing = room.write(
      { kind: "system" },
      (doc) => doc.getText("body").insert(0, "unsaved"),
      async () => {
        entered();
        await held;
      },
    );
    await vi.waitFor(() => expect(entered).toHaveBeenCalled());
    letGo();
    await writing;
    const ann = await syncedTab(id, "ann");
    expect(ann.body.toString()).toBe("unsaved\n");
  });

  test("its companion is committed with it, and both or neither", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const ben = await raw(id, "ben");
    const insertVersion = (label: string) => (doc: Y.Doc) => doc.getText("body").insert(0, label);
    const discarded = vi.fn<(error: Error) => void>();
    room.onDiscarded(discarded);
    const failing = room.write({ kind: "system" }, insertVersion("lost"), async (transaction) => {
      await transaction
        .insertInto("versions")
        .values({ id: `v-${id}`, document_id: id, seq: 2, kind: "automatic" })
        .execute();
      throw new Error("the companion failed");
    });
    await expect(failing).rejects.toThrow("the companion failed");
    expect(await ben.closed).toBe(closeCodes.reloading);
    expect(discarded).toHaveBeenCalledOnce();
    expect(room.alive).toBe(false);
    const again = await openRoom(id);
    expect(again.doc.getText("body").toString()).toBe("\n");
    expect(again.doc.clientID).not.toBe(room.doc.clientID);
    const versions = await testDatabase.database.kysely
      .selectFrom("versions")
      .select("id")
      .where("document_id", "=", id)
      .execute();
    expect(versions).toEqual([]);
  });

  test("a write that writes nothing has no row, but its companion is committed", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const answer = await room.write(
      { kind: "system" },
      () => "done",
      async (transaction, result) => {
        await transaction
          .insertInto("versions")
          .values({ id: `v-${id}`, document_id: id, seq: 1, kind: "named", label: result })
          .execute();
      },
    );
    expect(answer).toBe("done");
    expect(await readRows(id)).toHaveLength(1);
    const { label } = await testDatabase.database.kysely
      .selectFrom("versions")
      .select("label")
      .where("id", "=", `v-${id}`)
      .executeTakeFirstOrThrow();
    expect(label).toBe("done");
  });

  test("a change that throws before it wrote anything fails alone", async () => {
    const room = await openRoom(await newDocument());
    const failing = room.write({ kind: "system" }, () => {
      throw new Error("not now");
    });
    await expect(failing).rejects.toThrow("not now");
    expect(room.alive).toBe(true);
  });

  test("listeners hear of each update once it is committed, in the log's order", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const heard: string[] = [];
    room.onApplied(({ origin, transaction }) => {
      heard.push(`${origin.kind} ${transaction.afterState.size > 0}`);
    });
    const ann = await syncedTab(id, "ann");
    ann.body.insert(0, "a");
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    await room.write({ kind: "run", runId: "r", actorId: "ann" }, (doc) =>
      doc.getText("body").insert(0, "b"),
    );
    expect(heard).toEqual(["user true", "run true"]);
  });

  test("R13: hasSeen waits for what a person saw, and gives up in time", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const ann = await syncedTab(id, "ann");
    const seen = (doc: Y.Doc) => Y.encodeStateVector(doc);
    expect(await room.hasSeen(seen(ann.doc), 0)).toBe(true);
    const copy = new Y.Doc();
    copy.getText("body").insert(0, "elsewhere");
    expect(await room.hasSeen(seen(copy), 20)).toBe(false);
    ann.body.insert(0, "soon");
    expect(await room.hasSeen(seen(ann.doc), 5_000)).toBe(true);
    expect(room.doc.getText("body").toString()).toBe("soon\n");
  });

  test("clean-ups that Yjs makes in the server's document are logged as system", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const ann = await syncedTab(id, "ann");
    const ben = await syncedTab(id, "ben");
    ann.body.insert(0, "abcdef");
    await vi.waitFor(() => expect(ben.body.toString()).toBe("abcdef\n"));
    ann.provider.disconnect();
    ben.provider.disconnect();
    ann.body.format(0, 6, { bold: true });
    ben.body.delete(0, 6);
    ann.provider.connect();
    ben.provider.connect();
    await vi.waitFor(() => {
      expect(room.doc.getText("body").toString()).toBe("\n");
    });
    await room.settled();
    const stored = await server.sync.readDocumentAt(id, (await readRows(id)).length);
    expect(Y.encodeSnapshot(Y.snapshot(stored))).toEqual(Y.encodeSnapshot(Y.snapshot(room.doc)));
  });
});

describe("loading", () => {
  async function withSnapshots(): Promise<string> {
    const id = await newDocument();
    const room = await server.sync.rooms.open(id);
    for (const letter of "abcd") {
      await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, letter));
      await server.sync.rooms.keepSnapshot(id);
    }
    room.release();
    await vi.waitFor(() => expect(room.alive).toBe(false));
    return id;
  }
  const snapshotSeqs = async (id: string) => {
    const rows = await testDatabase.database.kysely
      .selectFrom("document_snapshots")
      .select("seq")
      .where("document_id", "=", id)
      .orderBy("seq")
      .execute();
    return rows.map(({ seq }) => seq);
  };

  test("the last two snapshots are kept", async () => {
    const id = await withSnapshots();
    expect(await snapshotSeqs(id)).toEqual([4, 5]);
  });

  test.each([1, 2])("S14: %i damaged snapshots cost nothing but time", async (damaged) => {
    const id = await withSnapshots();
    const seqs = (await snapshotSeqs(id)).slice(-damaged);
    await testDatabase.database.kysely
      .updateTable("document_snapshots")
      .set({ state: Uint8Array.of(1, 2, 3) })
      .where("document_id", "=", id)
      .where("seq", "in", seqs)
      .execute();
    const room = await openRoom(id);
    expect(room.doc.getText("body").toString()).toBe("dcba\n");
  });

  test("one is taken after every 500 rows", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    await Promise.all(
      Array.from({ length: 510 }, () =>
        room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, "x")),
      ),
    );
    await vi.waitFor(async () => expect(await snapshotSeqs(id)).toHaveLength(1));
    expect((await snapshotSeqs(id))[0]).toBeGreaterThanOrEqual(500);
  });
});

describe("slow and quiet connections", () => {
  test("S10: a reader whose send buffer passes 1 MB is closed with 1013, and the others go on", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const ann = await syncedTab(id, "ann");
    const slow = await raw(id, "ben");
    await vi.waitFor(() => expect(frames(slow, "step1")).toHaveLength(1));
    slow.webSocket.pause();
    const chunk = "x".repeat(1_000_000);
    // The operating system buffers some megabytes before ours begins to fill.
    for (let count = 0; count < 15; count++) {
      await room.write({ kind: "system" }, (doc) => {
        const body = doc.getText("body");
        body.delete(0, body.length - 1);
        body.insert(0, chunk);
      });
    }
    slow.webSocket.resume();
    expect(await slow.closed).toBe(closeCodes.overloaded);
    await vi.waitFor(() => expect(ann.body.length).toBe(chunk.length + 1));
  });

  test("S10: a document larger than 1 MB reaches those who open it", async () => {
    const id = await newDocument();
    const room = await openRoom(id);
    const text = "y".repeat(3_000_000);
    await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, text));
    const ann = await syncedTab(id, "ann");
    ann.body.insert(0, "still here");
    await vi.waitFor(() => expect(room.doc.getText("body").length).toBe(text.length + 11));
  });
});

describe("the end", () => {
  test("a document that is gone is closed with 4404", async () => {
    const id = await newDocument();
    const ann = await syncedTab(id, "ann");
    await testDatabase.database.kysely.deleteFrom("documents").where("id", "=", id).execute();
    ann.body.insert(0, "too late");
    expect(await ann.closed).toBe(closeCodes.noSuchDocument);
  });

  test("draining writes what waits, closes with 1012, and lets no one in", async () => {
    const id = await newDocument();
    const draining = await startSyncServer(testDatabase.database);
    const ann = await openRawSocket(`${draining.url}/${id}?as=ann`);
    await vi.waitFor(() => expect(frames(ann, "step1")).toHaveLength(1));
    const room = await draining.sync.rooms.open(id);
    const writes = ["words", "last "].map((text) =>
      room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, text)),
    );
    await draining.sync.close();
    await Promise.all(writes);
    expect(await ann.closed).toBe(closeCodes.reloading);
    await expect(draining.sync.rooms.open(id)).rejects.toMatchObject({ code: "unavailable" });
    await draining.close();
    const { head_seq } = await testDatabase.database.kysely
      .selectFrom("documents")
      .select("head_seq")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    const stored = await server.sync.readDocumentAt(id, head_seq);
    expect(stored.getText("body").toString()).toBe("last words\n");
  });

  test("a document that another server wrote to is loaded again", async () => {
    const id = await newDocument();
    const other = await startSyncServer(testDatabase.database);
    const room = await openRoom(id);
    const theirs = await other.sync.rooms.open(id);
    await theirs.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, "theirs "));
    await expect(
      room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, "ours ")),
    ).rejects.toMatchObject({ code: "unavailable" });
    const again = await openRoom(id);
    expect(again.doc.getText("body").toString()).toBe("theirs \n");
    theirs.release();
    await other.close();
  });

  test("access that changes while a connection is being let in counts", async () => {
    const id = await newDocument();
    const ask = authoriseFrom(testDatabase.database);
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const asked = vi.fn<() => void>();
    const slow = await startSyncServer(testDatabase.database, {
      authorise: async (accountId, documentId) => {
        const access = await ask(accountId, documentId);
        asked();
        await held;
        return access;
      },
    });
    const ben = await openRawSocket(`${slow.url}/${id}?as=ben`);
    await vi.waitFor(() => expect(asked).toHaveBeenCalledOnce());
    await changeRole(testDatabase.database, id, "ben", null);
    const told = slow.sync.rooms.accessChanged("ben", id);
    letGo();
    await told;
    expect(await ben.closed).toBe(closeCodes.noSuchDocument);
    await slow.close();
  });
});
