import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import { syncLimits } from "#shared/sync-protocol.ts";
import { awarenessFrame, step1Frame, step2Frame, updateFrame } from "../../server/sync/frames.ts";
import { frames, openSyncDesk, type SyncDesk, updateOf } from "../support/sync-desk.ts";

let desk: SyncDesk;
beforeAll(async () => {
  desk = await openSyncDesk();
});
afterEach(() => desk.leave());
afterAll(() => desk.close());

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
    ["a state vector of 128 KB", step1Frame(new Uint8Array(syncLimits.stateVectorBytes + 1)), 4413],
    [
      "nine bytes that ask for memory",
      updateFrame(Uint8Array.of(1, 0xff, 0xff, 0xff, 0x0f, 7, 0)),
      4413,
    ],
  ])("%s", async (_what, bytes, code) => {
    const ann = await desk.raw(await desk.newDocument(), "ann");
    ann.send(bytes);
    expect(await ann.closed).toBe(code);
  });
});

describe("slow and quiet connections", () => {
  test("S10: a reader whose send buffer passes 1 MB is closed with 1013, and the others go on", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ann = await desk.syncedTab(id, "ann");
    const slow = await desk.raw(id, "ben");
    await vi.waitFor(() => expect(frames(slow, "step1")).toHaveLength(1));
    slow.send(awarenessFrame([{ clientId: 5, clock: 1, state: "{}" }]));
    await vi.waitFor(() => expect(room.presence()).toHaveLength(1));
    slow.webSocket.pause();
    const chunk = "x".repeat(1_000_000);
    // The operating system buffers some megabytes before ours begins to fill.
    for (let count = 0; count < 40 && room.presence().length > 0; count++) {
      await room.write({ kind: "system" }, (doc) => {
        const body = doc.getText("body");
        body.delete(0, body.length - 1);
        body.insert(0, chunk);
      });
    }
    // At once: a line that does not read what closed it is cut some time later.
    slow.webSocket.resume();
    expect(await slow.closed).toBe(closeCodes.overloaded);
    await vi.waitFor(() => expect(ann.body.length).toBe(chunk.length + 1));
  });

  test("S10: a document larger than 1 MB reaches those who open it", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const text = "y".repeat(3_000_000);
    await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, text));
    const ann = await desk.syncedTab(id, "ann");
    ann.body.insert(0, "still here");
    await vi.waitFor(() => expect(room.doc.getText("body").length).toBe(text.length + 11));
  });
});

describe("floods", () => {
  test("S4 S15: a run that no database can look up closes its writer, and the others stay", async () => {
    const id = await desk.newDocument();
    const ann = await desk.syncedTab(id, "ann");
    const ben = await desk.raw(id, "ben");
    const forged = updateOf((doc) => doc.getText("body").insert(0, "x", { run: "a\0b" }), 77);
    ben.send(updateFrame(forged));
    expect(await ben.closed).toBe(closeCodes.malformed);
    ann.body.insert(0, "still here");
    const carl = await desk.syncedTab(id, "wim");
    await vi.waitFor(() => expect(carl.body.toString()).toBe("still here\n"));
    expect(ann.provider.wsconnected).toBe(true);
  });

  test("S10 S15: a reader who asks for the document again and again gets one at a time", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const text = "z".repeat(1_000_000);
    await room.write({ kind: "system" }, (doc) => doc.getText("body").insert(0, text));
    const slow = await desk.raw(id, "ben");
    await vi.waitFor(() => expect(frames(slow, "step1")).toHaveLength(1));
    slow.webSocket.pause();
    for (let count = 0; count < 500; count++) slow.send(step1Frame(Uint8Array.of(0)));
    // What comes after them is taken after them.
    slow.send(awarenessFrame([{ clientId: 5, clock: 1, state: "{}" }]));
    await vi.waitFor(() => expect(room.presence()).toHaveLength(1));
    slow.webSocket.resume();
    slow.send(step1Frame(Y.encodeStateVector(room.doc)));
    await vi.waitFor(() =>
      expect(frames(slow, "step2").at(-1)).toMatchObject({ update: Uint8Array.of(0, 0) }),
    );
    expect(frames(slow, "step2").length).toBeLessThan(100);
  });

  test("S9 S15: a connection that shows itself under ever new ids is seen under a few, and binds no more", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ann = await desk.raw(id, "ann");
    const ben = await desk.raw(id, "ben");
    const entries = Array.from({ length: 5_000 }, (_, index) => ({
      clientId: 10_000 + index,
      clock: 1,
      state: "{}",
    }));
    ann.send(awarenessFrame(entries));
    await vi.waitFor(() => expect(room.presence()).toHaveLength(1));
    ben.send(awarenessFrame([{ clientId: 14_000, clock: 1, state: '{"composing":true}' }]));
    await vi.waitFor(() =>
      expect(room.presence()).toContainEqual(expect.objectContaining({ composing: true })),
    );
    expect(frames(ben, "awareness").length).toBeLessThan(10);
  });

  test("S15: two ids by turns are no way around the pace", async () => {
    const id = await desk.newDocument();
    const room = await desk.openRoom(id);
    const ann = await desk.raw(id, "ann");
    const ben = await desk.raw(id, "ben");
    for (let clock = 1; clock <= 1_000; clock++) {
      const state = `{"cursor":{"anchor":${clock}}}`;
      ann.send(awarenessFrame([{ clientId: 5 + (clock % 2), clock, state }]));
    }
    await vi.waitFor(() => expect(room.presence()).toMatchObject([{ cursor: { anchor: 1000 } }]));
    expect(frames(ben, "awareness").length).toBeLessThan(100);
  });
});
