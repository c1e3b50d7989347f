import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { savedFrame, step1Frame, step2Frame, updateFrame } from "../../server/sync/frames.ts";
import { frames, openSyncDesk, type SyncDesk } from "../support/sync-desk.ts";

let desk: SyncDesk;
beforeAll(async () => {
  desk = await openSyncDesk();
});
afterEach(() => desk.leave());
afterAll(() => desk.close());

describe("writing together", () => {
  test("S13: what one writes another sees, and a third who comes later", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    const ben = await desk.syncedTab(id, "ben");
    ann.body.insert(0, "Once");
    ben.body.insert(0, "Hello. ");
    await vi.waitFor(() => {
      expect(ben.body.toString()).toMatch(/Once/);
      expect(ann.body.toString()).toBe(ben.body.toString());
    });
    const wim = await desk.syncedTab(id, "wim");
    expect(wim.body.toString()).toBe(ben.body.toString());
  });

  test("D1 D2: the server alone makes the first line break, before anyone sees the document", async () => {
    const id = await desk.newDocument();
    const tabs = await Promise.all([desk.syncedTab(id, "ann"), desk.syncedTab(id, "ben")]);
    for (const { body } of tabs) expect(body.toString()).toBe("\n");
    expect(await desk.readRows(id)).toMatchObject([{ seq: 1, origin: "system", actor_id: null }]);
  });

  test("D2: a final line break that someone took away is put back", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    ann.body.insert(0, "Once");
    ann.body.delete(4, 1);
    await vi.waitFor(() => expect(ann.body.toString()).toBe("Once\n"));
  });

  test("S3: the log says who wrote what, in the order of application", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ann = await desk.syncedTab(id, "ann");
    ann.body.insert(0, "a");
    await vi.waitFor(() => expect(room.doc.getText("body").toString()).toBe("a\n"));
    await room.write({ kind: "run", runId: "r1", actorId: "ben" }, (doc) =>
      doc.getText("body").insert(1, "b"),
    );
    expect(await desk.readRows(id)).toMatchObject([
      { seq: 1, origin: "system", actor_id: null, run_id: null },
      { seq: 2, origin: "user", actor_id: "ann", run_id: null },
      { seq: 3, origin: "run", actor_id: "ben", run_id: "r1" },
    ]);
  });

  test("what was written is there after everyone has left and the document was loaded again", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    ann.body.insert(0, "Once");
    await vi.waitFor(async () => expect(await desk.readRows(id)).toHaveLength(2));
    ann.close();
    const again = await desk.syncedTab(id, "ann");
    expect(again.body.toString()).toBe("Once\n");
  });

  test("readDocumentAt gives every state that ever was", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    for (const letter of "abc") {
      await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, letter));
    }
    await desk.server.sync.rooms.keepSnapshot(id);
    const at = async (seq: number) =>
      (await desk.server.sync.readDocumentAt(id, seq)).getText("body").toString();
    expect(await Promise.all([1, 2, 3, 4].map(at))).toEqual(["\n", "a\n", "ba\n", "cba\n"]);
  });
});

describe("Saved is said only of what is committed", () => {
  test("S2: message 100 counts step-2 and update frames once they are in the log", async () => {
    const id = await desk.newDocument();
    const ann = await desk.raw(id, "ann", "&ack=1");
    ann.send(step1Frame(Y.encodeStateVector(new Y.Doc())));
    await vi.waitFor(() => expect(frames(ann, "step2")).toHaveLength(1));
    ann.send(step2Frame(desk.typed("a")));
    await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(1)));
    expect(await desk.readRows(id)).toHaveLength(2);
    ann.send(updateFrame(desk.typed("b")));
    await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(2)));
    expect(await desk.readRows(id)).toHaveLength(3);
  });

  test("a frame that changes nothing is acknowledged without a row", async () => {
    const id = await desk.newDocument();
    const ann = await desk.raw(id, "ann", "&ack=1");
    const update = desk.typed("a");
    ann.send(updateFrame(update));
    await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(1)));
    ann.send(updateFrame(update));
    ann.send(step2Frame(Uint8Array.of(0, 0)));
    await vi.waitFor(() => expect(ann.frames).toContainEqual(savedFrame(3)));
    expect(await desk.readRows(id)).toHaveLength(2);
  });

  test("who did not ask for it never gets it", async () => {
    const id = await desk.newDocument();
    const ann = await desk.raw(id, "ann");
    const ben = await desk.raw(id, "ben");
    ann.send(updateFrame(desk.typed("a")));
    await vi.waitFor(() => expect(frames(ben, "update")).toHaveLength(1));
    expect(ann.frames.filter(([type]) => type === 100)).toEqual([]);
  });
});
