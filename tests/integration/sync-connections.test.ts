import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { closeCodes } from "#shared/close-codes.ts";
import { syncLimits } from "#shared/sync-protocol.ts";
import { awarenessFrame, step2Frame, updateFrame } from "../../server/sync/frames.ts";
import { frames, openSyncDesk, type SyncDesk } from "../support/sync-desk.ts";

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
