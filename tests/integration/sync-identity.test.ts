import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import { syncLimits } from "#shared/sync-protocol.ts";
import { awarenessFrame, updateFrame } from "../../server/sync/frames.ts";
import { frames, openSyncDesk, type SyncDesk, updateOf } from "../support/sync-desk.ts";

let desk: SyncDesk;
beforeAll(async () => {
  desk = await openSyncDesk();
});
afterEach(() => desk.leave());
afterAll(() => desk.close());

describe("client ids belong to accounts", () => {
  test("S5: a reload with an offline copy goes on under new and old ids, and sends no row twice", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    const ben = await desk.syncedTab(id, "ben");
    ben.body.insert(0, "Ben. ");
    ann.body.insert(0, "Ann. ");
    await vi.waitFor(() => expect(ann.body.toString()).toContain("Ben. "));
    await vi.waitFor(() => expect(ben.body.toString()).toContain("Ann. "));
    ann.close();
    ann.body.insert(0, "Offline. ");
    const reloaded = new Y.Doc();
    Y.applyUpdate(reloaded, Y.encodeStateAsUpdate(ann.doc));
    const again = desk.tab(id, "ann", { doc: reloaded });
    await again.synced();
    again.body.insert(0, "Online. ");
    await vi.waitFor(() => expect(ben.body.toString()).toBe(again.body.toString()));
    expect(ben.body.toString()).toContain("Online. Offline. ");
    expect(await desk.readRows(id)).toHaveLength(5);
  });

  test("another account's id is refused with 4409 and nothing of it is applied", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    ann.body.insert(0, "Ann");
    await vi.waitFor(async () => expect(await desk.readRows(id)).toHaveLength(2));
    const ben = await desk.raw(id, "ben");
    const forged = new Y.Doc();
    Y.applyUpdate(forged, Y.encodeStateAsUpdate(ann.doc));
    forged.clientID = ann.doc.clientID;
    forged.getText("body").insert(0, "forged");
    ben.send(updateFrame(Y.encodeStateAsUpdate(forged)));
    expect(await ben.closed).toBe(closeCodes.notOurCopy);
    expect(ann.body.toString()).toBe("Ann\n");
    expect(await desk.readRows(id)).toHaveLength(2);
  });

  test("an id that was shown in awareness is nobody else's any more", async () => {
    const id = await desk.newDocument();
    const ann = await desk.raw(id, "ann");
    const ben = await desk.raw(id, "ben");
    ann.send(awarenessFrame([{ clientId: 77, clock: 1, state: "{}" }]));
    await vi.waitFor(() => expect(frames(ben, "awareness")).toHaveLength(1));
    ben.send(updateFrame(updateOf((doc) => doc.getText("body").insert(0, "mine"), 77)));
    expect(await ben.closed).toBe(closeCodes.notOurCopy);
  });

  test("the server never writes twice under one id", async () => {
    const id = await desk.newDocument();
    const used: number[] = [];
    for (let load = 0; load < 3; load++) {
      const room = await desk.server.sync.rooms.open(id);
      await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, "x"));
      used.push(room.doc.clientID);
      room.release();
      await vi.waitFor(() => expect(room.alive).toBe(false));
    }
    expect(new Set(used).size).toBe(3);
    const rows = await desk.database.kysely
      .selectFrom("document_clients")
      .selectAll()
      .where("document_id", "=", id)
      .execute();
    expect(new Set(rows.map((row) => row.client_id))).toEqual(new Set(used));
    expect(rows.every((row) => row.account_id === null)).toBe(true);
  });
});

describe("awareness", () => {
  test("S9: the server says who it is, whatever the client claims", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ann = await desk.raw(id, "ann");
    const state = JSON.stringify({ user: { id: "ben", name: "Ben" }, composing: true });
    ann.send(awarenessFrame([{ clientId: 5, clock: 1, state }]));
    await vi.waitFor(() =>
      expect(room.presence()).toEqual([
        { user: { id: "ann", name: "Ann", role: "owner" }, composing: true },
      ]),
    );
  });

  test("an echo of someone else's state is dropped and closes nothing", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    const ben = await desk.syncedTab(id, "ben");
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
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const old = await desk.raw(id, "ann");
    old.send(awarenessFrame([{ clientId: 5, clock: 1, state: "{}" }]));
    await vi.waitFor(() => expect(room.presence()).toHaveLength(1));
    const newer = await desk.raw(id, "ann");
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
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    const ben = await desk.syncedTab(id, "ben");
    const seen = () => ben.provider.awareness.getStates().has(ann.doc.clientID);
    ann.provider.awareness.setLocalState({ cursor: null });
    await vi.waitFor(() => expect(seen()).toBe(true));
    ann.provider.disconnect();
    await vi.waitFor(() => expect(seen()).toBe(false));
    ann.provider.connect();
    await vi.waitFor(() => expect(seen()).toBe(true));
  });

  test("a state that is too large is refused with 4413", async () => {
    const id = await desk.newDocument();
    const ann = await desk.raw(id, "ann");
    const state = JSON.stringify({ cursor: "x".repeat(syncLimits.awarenessBytes) });
    ann.send(awarenessFrame([{ clientId: 5, clock: 1, state }]));
    expect(await ann.closed).toBe(closeCodes.tooLarge);
  });

  test("of a flood the others get the first and the latest", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ann = await desk.raw(id, "ann");
    const ben = await desk.raw(id, "ben");
    for (let clock = 1; clock <= 500; clock++) {
      ann.send(awarenessFrame([{ clientId: 5, clock, state: `{"cursor":{"anchor":${clock}}}` }]));
    }
    await vi.waitFor(() => expect(room.presence()).toMatchObject([{ cursor: { anchor: 500 } }]));
    expect(frames(ben, "awareness").length).toBeLessThan(50);
  });
});
