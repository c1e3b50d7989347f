import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import {
  awarenessFrame,
  savedFrame,
  step1Frame,
  step2Frame,
  updateFrame,
} from "../../server/sync/frames.ts";
import { quickestMs } from "../support/quickest.ts";
import { openRawSocket } from "../support/raw-socket.ts";
import { frames, openSyncDesk, type SyncDesk } from "../support/sync-desk.ts";
import { changeRole } from "../support/sync-server.ts";

let desk: SyncDesk;
beforeAll(async () => {
  desk = await openSyncDesk();
});
afterEach(() => desk.leave());
afterAll(() => desk.close());

describe("watchers read", () => {
  test("S7: they get the document, are never asked for theirs, and a queried awareness", async () => {
    const id = await desk.newDocument();
    const wim = await desk.raw(id, "wim");
    wim.send(step1Frame(Y.encodeStateVector(new Y.Doc())));
    wim.send(Uint8Array.of(3));
    await vi.waitFor(() => {
      expect(frames(wim, "step2")).toHaveLength(1);
      expect(frames(wim, "awareness")).toHaveLength(1);
    });
    expect(frames(wim, "step1")).toEqual([]);
  });

  test("S7: the third write closes with 4403; step 2 and frames that only delete do not count", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const wim = await desk.raw(id, "wim");
    wim.send(step2Frame(desk.typed("a")));
    for (let times = 0; times < 5; times++) wim.send(updateFrame(Uint8Array.of(0, 1, 5, 1, 0, 1)));
    wim.send(updateFrame(desk.typed("a")));
    wim.send(updateFrame(desk.typed("b")));
    wim.send(Uint8Array.of(3));
    await vi.waitFor(() => expect(frames(wim, "awareness")).toHaveLength(1));
    wim.send(updateFrame(desk.typed("c")));
    expect(await wim.closed).toBe(closeCodes.readOnly);
    expect(room.doc.getText("body").toString()).toBe("\n");
  });

  test("their awareness is dropped", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const wim = await desk.raw(id, "wim");
    const ben = await desk.raw(id, "ben");
    wim.send(awarenessFrame([{ clientId: 5, clock: 1, state: "{}" }]));
    wim.send(Uint8Array.of(3));
    await vi.waitFor(() => expect(frames(wim, "awareness")).toHaveLength(1));
    expect(room.presence()).toEqual([]);
    expect(frames(ben, "awareness")).toEqual([]);
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
    const socket = await openRawSocket(`${desk.server.url}/${path(await desk.newDocument())}`);
    expect(await socket.closed).toBe(code);
  });

  test("a client that names its account and epoch rightly comes in", async () => {
    const id = await desk.newDocument();
    const ann = desk.tab(id, "ann", { params: { account: "ann", epoch: "0", ack: "1" } });
    await ann.synced();
    expect(ann.body.toString()).toBe("\n");
  });

  test("S8: a revoked account is out within a second, everywhere", async () => {
    const revokeMs = async () => {
      const id = await desk.newDocument();
      const tabs = await Promise.all([desk.syncedTab(id, "ben"), desk.syncedTab(id, "ben")]);
      await changeRole(desk.database, id, "ben", null);
      const since = performance.now();
      await desk.server.sync.rooms.accessChanged("ben", null);
      expect(await Promise.all(tabs.map(({ closed }) => closed))).toEqual([4404, 4404]);
      return performance.now() - since;
    };
    expect(await quickestMs(1_000, revokeMs)).toBeLessThan(1_000);
  });

  test("an ended session closes its connections alone", async () => {
    const id = await desk.newDocument();
    const first = desk.tab(id, "ann", { params: { session: "one" } });
    const second = desk.tab(id, "ann", { params: { session: "two" } });
    await Promise.all([first.synced(), second.synced()]);
    desk.server.sync.sessionEnded("one");
    expect(await first.closed).toBe(closeCodes.signedOut);
    second.body.insert(0, "still here");
    await vi.waitFor(async () => expect(await desk.readRows(id)).toHaveLength(2));
  });

  test("demoted to watcher it stays, reads on, and writes nothing more", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    const ben = await desk.syncedTab(id, "ben");
    ben.provider.awareness.setLocalState({ cursor: null });
    await changeRole(desk.database, id, "ben", "watcher");
    await desk.server.sync.rooms.accessChanged("ben", id);
    ann.body.insert(0, "Ann");
    await vi.waitFor(() => expect(ben.body.toString()).toBe("Ann\n"));
    for (const letter of "abc") ben.body.insert(0, letter);
    expect(await ben.closed).toBe(closeCodes.readOnly);
    expect(ann.body.toString()).toBe("Ann\n");
  });

  test("S8: rights are checked in the commit itself: a change that nobody told sync of counts", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ben = await desk.raw(id, "ben", "&ack=1");
    ben.send(updateFrame(desk.typed("a")));
    await vi.waitFor(() => expect(ben.frames).toContainEqual(savedFrame(1)));
    await changeRole(desk.database, id, "ben", null);
    ben.send(updateFrame(desk.typed("b")));
    expect(await ben.closed).toBe(closeCodes.noSuchDocument);
    expect(room.doc.getText("body").toString()).toContain("a");
    expect(room.doc.getText("body").toString()).not.toContain("b");
  });

  test("rights that changed and still allow it hold nothing up", async () => {
    const id = await desk.newDocument();
    const ben = await desk.raw(id, "ben", "&ack=1");
    await changeRole(desk.database, id, "ben", "editor");
    ben.send(updateFrame(desk.typed("b")));
    await vi.waitFor(() => expect(ben.frames).toContainEqual(savedFrame(1)));
  });
});
