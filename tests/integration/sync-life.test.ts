import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { closeCodes } from "#shared/close-codes.ts";
import { openRawSocket } from "../support/raw-socket.ts";
import { frames, openSyncDesk, type SyncDesk } from "../support/sync-desk.ts";
import { authoriseFrom, changeRole, startSyncServer } from "../support/sync-server.ts";

let desk: SyncDesk;
beforeAll(async () => {
  desk = await openSyncDesk();
});
afterEach(() => desk.leave());
afterAll(() => desk.close());

describe("loading", () => {
  async function withSnapshots(): Promise<string> {
    const id = await desk.newDocument();
    const room = await desk.server.sync.rooms.open(id);
    for (const letter of "abcd") {
      await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, letter));
      await desk.server.sync.rooms.keepSnapshot(id);
    }
    room.release();
    await vi.waitFor(() => expect(room.alive).toBe(false));
    return id;
  }
  const snapshotSeqs = async (id: string) => {
    const rows = await desk.database.kysely
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
    await desk.database.kysely
      .updateTable("document_snapshots")
      .set({ state: Uint8Array.of(1, 2, 3) })
      .where("document_id", "=", id)
      .where("seq", "in", seqs)
      .execute();
    const room = await desk.openRoom(id);
    expect(room.doc.getText("body").toString()).toBe("dcba\n");
  });

  test("one is taken after every 500 rows", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    await Promise.all(
      Array.from({ length: 510 }, () =>
        room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, "x")),
      ),
    );
    await vi.waitFor(async () => expect(await snapshotSeqs(id)).toHaveLength(1));
    expect((await snapshotSeqs(id))[0]).toBeGreaterThanOrEqual(500);
  });
});

describe("the end", () => {
  test("a document that is gone is closed with 4404", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    await desk.database.kysely.deleteFrom("documents").where("id", "=", id).execute();
    ann.body.insert(0, "too late");
    expect(await ann.closed).toBe(closeCodes.noSuchDocument);
  });

  test("draining writes what waits, closes with 1012, and lets no one in", async () => {
    const id = await desk.newDocument();
    const draining = await startSyncServer(desk.database);
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
    const { head_seq } = await desk.database.kysely
      .selectFrom("documents")
      .select("head_seq")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    const stored = await desk.server.sync.readDocumentAt(id, head_seq);
    expect(stored.getText("body").toString()).toBe("last words\n");
  });

  test("a document that another server wrote to is loaded again", async () => {
    const id = await desk.newDocument();
    const other = await startSyncServer(desk.database);
    const room = await desk.openRoom(id);
    const theirs = await other.sync.rooms.open(id);
    await theirs.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, "theirs "));
    await expect(
      room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, "ours ")),
    ).rejects.toMatchObject({ code: "unavailable" });
    const again = await desk.openRoom(id);
    expect(again.doc.getText("body").toString()).toBe("theirs \n");
    theirs.release();
    await other.close();
  });

  test("access that changes while a connection is being let in counts", async () => {
    const id = await desk.newDocument();
    const ask = authoriseFrom(desk.database);
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const asked = vi.fn<() => void>();
    const slow = await startSyncServer(desk.database, {
      authorise: async (accountId, documentId) => {
        const access = await ask(accountId, documentId);
        asked();
        await held;
        return access;
      },
    });
    const ben = await openRawSocket(`${slow.url}/${id}?as=ben`);
    await vi.waitFor(() => expect(asked).toHaveBeenCalledOnce());
    await changeRole(desk.database, id, "ben", null);
    const told = slow.sync.rooms.accessChanged("ben", id);
    letGo();
    await told;
    expect(await ben.closed).toBe(closeCodes.noSuchDocument);
    await slow.close();
  });
});
