import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import { openSyncDesk, type SyncDesk } from "../support/sync-desk.ts";

let desk: SyncDesk;
beforeAll(async () => {
  desk = await openSyncDesk();
});
afterEach(() => desk.leave());
afterAll(() => desk.close());

describe("the server's own writes", () => {
  test("S1: nobody is shown one before it is committed", async () => {
    const id = await desk.newDocument();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const room = await desk.openRoom(id);
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
    const ann = await desk.syncedTab(id, "ann");
    expect(ann.body.toString()).toBe("unsaved\n");
  });

  test("its companion is committed with it, and both or neither", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ben = await desk.raw(id, "ben");
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
    const again = await desk.openRoom(id);
    expect(again.doc.getText("body").toString()).toBe("\n");
    expect(again.doc.clientID).not.toBe(room.doc.clientID);
    const versions = await desk.database.kysely
      .selectFrom("versions")
      .select("id")
      .where("document_id", "=", id)
      .execute();
    expect(versions).toEqual([]);
  });

  test("a write that writes nothing has no row, but its companion is committed", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
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
    expect(await desk.readRows(id)).toHaveLength(1);
    const { label } = await desk.database.kysely
      .selectFrom("versions")
      .select("label")
      .where("id", "=", `v-${id}`)
      .executeTakeFirstOrThrow();
    expect(label).toBe("done");
  });

  test("a change that throws before it wrote anything fails alone", async () => {
    const room = await desk.openRoom(await desk.newDocument());
    const failing = room.write({ kind: "system" }, () => {
      throw new Error("not now");
    });
    await expect(failing).rejects.toThrow("not now");
    expect(room.alive).toBe(true);
  });

  test("listeners hear of each update once it is committed, in the log's order", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const heard: string[] = [];
    room.onApplied(({ origin, transaction }) => {
      heard.push(`${origin.kind} ${transaction.afterState.size > 0}`);
    });
    const ann = await desk.syncedTab(id, "ann");
    ann.body.insert(0, "a");
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    await room.write({ kind: "run", runId: "r", actorId: "ann" }, (doc) =>
      doc.getText("body").insert(0, "b"),
    );
    expect(heard).toEqual(["user true", "run true"]);
  });

  test("R13: hasSeen waits for what a person saw, and gives up in time", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ann = await desk.syncedTab(id, "ann");
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
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ann = await desk.syncedTab(id, "ann");
    const ben = await desk.syncedTab(id, "ben");
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
    const stored = await desk.server.sync.readDocumentAt(id, (await desk.readRows(id)).length);
    expect(Y.encodeSnapshot(Y.snapshot(stored))).toEqual(Y.encodeSnapshot(Y.snapshot(room.doc)));
  });
});
