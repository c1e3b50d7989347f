import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import { sharedTypes, syncLimits } from "#shared/sync-protocol.ts";
import { createDocumentConnection, type DocumentConnection } from "./document-connection.ts";
import { createDrafts, type Drafts } from "./drafts.ts";
import type { OfflineCopy } from "./offline-copy.ts";
import {
  createMemoryStorage,
  createScriptedSockets,
  type ScriptedLine,
} from "./test-support/scripted-socket.ts";

let server: Y.Doc;
let drafts: Drafts;
let lines: ScriptedLine[];
let connection: DocumentConnection;

beforeEach(() => {
  server = new Y.Doc();
  server.getText(sharedTypes.body).insert(0, "Once.\n");
  drafts = createDrafts(createMemoryStorage(), "ana");
  connection = connect();
});
afterEach(() => connection.close());

function connect(
  openOfflineCopy?: (key: unknown, doc: Y.Doc) => OfflineCopy,
  mayWrite = true,
): DocumentConnection {
  const sockets = createScriptedSockets();
  lines = sockets.lines;
  return createDocumentConnection({
    documentId: "story",
    accountId: "ana",
    restoreEpoch: 3,
    syncUrl: "ws://server/sync",
    drafts,
    mayWrite,
    webSocket: sockets.webSocket,
    isOnline: () => true,
    ...(openOfflineCopy === undefined ? {} : { openOfflineCopy }),
  });
}

function line(index: number): ScriptedLine {
  const found = lines[index];
  if (found === undefined) throw new Error(`There is no connection ${index}`);
  return found;
}

function body(): Y.Text {
  return connection.getSnapshot().replica.body;
}

/** Opened, synced, and the step 2 that the server asked for committed. */
function becomeSaved(at: ScriptedLine) {
  at.open();
  at.sync(server);
  at.saved(1);
}

const save = () => connection.getSnapshot().save;

describe("saving", () => {
  test("names the account, the restore epoch and the wish to be told", () => {
    expect(line(0).url).toBe("ws://server/sync/story?ack=1&epoch=3&account=ana");
  });

  test("is connecting and shows nothing before the first sync", () => {
    line(0).open();
    expect(connection.getSnapshot()).toMatchObject({ save: "connecting", ready: false });
    line(0).sync(server);
    expect(connection.getSnapshot().ready).toBe(true);
    expect(body().toJSON()).toBe("Once.\n");
  });

  test("S2: says Saved only when each frame that it sent is committed", () => {
    line(0).open();
    line(0).sync(server);
    expect(save()).toBe("saving");
    line(0).saved(1);
    expect(save()).toBe("saved");
    body().insert(5, " More");
    body().delete(0, 1);
    expect(save()).toBe("saving");
    line(0).saved(2);
    expect(save()).toBe("saving");
    line(0).saved(3);
    expect(save()).toBe("saved");
  });

  test("U2: is offline once the line is lost, and what was written meanwhile is unsaved until committed", async () => {
    becomeSaved(line(0));
    line(0).close(1006);
    expect(save()).toBe("offline");
    body().insert(5, " Offline");
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    becomeSavedAgain();
    function becomeSavedAgain() {
      line(1).open();
      expect(save()).toBe("offline");
      line(1).sync(server);
      expect(save()).toBe("saving");
      line(1).saved(1);
      expect(save()).toBe("saved");
    }
  });

  test("an update too large for an update frame goes as a step 2", () => {
    becomeSaved(line(0));
    const text = "x".repeat(syncLimits.updateBytes);
    body().insert(0, text);
    const update = line(0).received.at(-1);
    expect(update).toBeDefined();
    Y.applyUpdate(server, update ?? new Uint8Array());
    expect(server.getText(sharedTypes.body).toJSON()).toBe(`${text}Once.\n`);
  });

  test("remote changes wait while someone composes, and come in order", () => {
    becomeSaved(line(0));
    const { gate } = connection.getSnapshot().replica;
    server.on("update", (update: Uint8Array) => line(0).update(update));
    gate.hold(gate);
    server.getText(sharedTypes.body).insert(0, "A");
    server.getText(sharedTypes.body).insert(1, "B");
    expect(body().toJSON()).toBe("Once.\n");
    gate.release(gate);
    expect(body().toJSON()).toBe("ABOnce.\n");
  });
});

describe("refusals", () => {
  test.each([closeCodes.malformed, closeCodes.notOurCopy, closeCodes.tooLarge])(
    "S11: after %i what was not committed is a draft, and a new copy joins",
    async (code) => {
      becomeSaved(line(0));
      const refused = connection.getSnapshot().replica;
      body().insert(5, " Saved");
      line(0).saved(2);
      body().insert(11, " and lost");
      line(0).close(code);
      expect(connection.getSnapshot().replica).not.toBe(refused);
      await vi.waitFor(() => expect(drafts.list("story")).toHaveLength(1));
      expect(drafts.list("story")[0]).toMatchObject({ text: "and lost", reason: "refused" });
      becomeSaved(line(1));
      expect(body().toJSON()).toBe("Once.\n");
      expect(save()).toBe("saved");
    },
  );

  test("S11: a fresh copy that is refused too ends it", () => {
    line(0).open();
    line(0).close(closeCodes.notOurCopy);
    expect(save()).toBe("connecting");
    line(1).open();
    line(1).close(closeCodes.notOurCopy);
    expect(save()).toBe("refused");
    expect(lines).toHaveLength(2);
  });

  test("nothing unsaved, no draft", async () => {
    becomeSaved(line(0));
    line(0).close(closeCodes.notOurCopy);
    await connection.getSnapshot().replica.loaded;
    expect(drafts.list("story")).toEqual([]);
  });

  test("a session that ended keeps the words, and they go away once they are committed", async () => {
    becomeSaved(line(0));
    body().insert(5, " Mine");
    line(0).close(closeCodes.signedOut);
    expect(save()).toBe("signed-out");
    await vi.waitFor(() => expect(drafts.list("story")).toHaveLength(1));
    await connection.close();
    connection = connect();
    becomeSaved(line(0));
    expect(drafts.list("story")).toEqual([]);
  });

  test("a watcher who wrote goes on reading, and writes again once the server asks", async () => {
    becomeSaved(line(0));
    body().insert(5, " Mine");
    line(0).close(closeCodes.readOnly);
    line(1).open();
    line(1).sync(server, "watcher");
    expect(connection.getSnapshot()).toMatchObject({ save: "read-only", ready: true });
    await vi.waitFor(() => expect(drafts.list("story")[0]?.reason).toBe("read-only"));
    line(1).sync(server);
    line(1).saved(1);
    expect(save()).toBe("saved");
  });

  test("a document that is gone stays gone", () => {
    line(0).open();
    line(0).close(closeCodes.noSuchDocument);
    expect(save()).toBe("gone");
    expect(lines).toHaveLength(1);
  });
});

describe("the offline copy", () => {
  function copyOf(doc: Y.Doc, dropped: () => void) {
    return (_key: unknown, into: Y.Doc): OfflineCopy => ({
      loaded: Promise.resolve().then(() => {
        Y.applyUpdate(into, Y.encodeStateAsUpdate(doc), "copy");
        return Y.decodeStateVector(Y.encodeStateVector(server));
      }),
      remember: () => {},
      keepLastWords: () => {},
      forgetLastWords: () => {},
      abandon: () => {},
      drop: async () => dropped(),
      close: async () => {},
    });
  }

  test("S11: is shown when the server is out of reach, and its unsaved words survive a refusal", async () => {
    const kept = new Y.Doc();
    Y.applyUpdate(kept, Y.encodeStateAsUpdate(server));
    kept.getText(sharedTypes.body).insert(5, " Kept");
    const dropped = vi.fn<() => void>();
    await connection.close();
    connection = connect(copyOf(kept, dropped));
    await connection.getSnapshot().replica.loaded;
    expect(connection.getSnapshot().ready).toBe(false);
    line(0).close(1006);
    expect(connection.getSnapshot()).toMatchObject({ save: "offline", ready: true });
    expect(body().toJSON()).toBe("Once. Kept\n");
    await vi.waitFor(() => expect(lines).toHaveLength(2));
    line(1).open();
    line(1).close(closeCodes.notOurCopy);
    await vi.waitFor(() => expect(drafts.list("story")[0]?.text).toBe("Kept"));
    expect(dropped).toHaveBeenCalledOnce();
  });

  test("S11: what it holds unsent of someone who may only read by now is a draft, and no part of the text", async () => {
    const kept = new Y.Doc();
    Y.applyUpdate(kept, Y.encodeStateAsUpdate(server));
    kept.getText(sharedTypes.body).insert(5, " Kept");
    const dropped = vi.fn<() => void>();
    await connection.close();
    connection = connect(copyOf(kept, dropped), false);
    await connection.getSnapshot().replica.loaded;
    line(0).open();
    line(0).sync(server, "watcher");
    await vi.waitFor(() => expect(drafts.list("story")).toHaveLength(1));
    expect(drafts.list("story")[0]).toMatchObject({ text: "Kept", reason: "read-only" });
    expect(dropped).toHaveBeenCalledOnce();
  });

  test("a reader's copy that holds nothing unsent stays", async () => {
    const dropped = vi.fn<() => void>();
    await connection.close();
    connection = connect(copyOf(server, dropped), false);
    await connection.getSnapshot().replica.loaded;
    line(0).open();
    line(0).sync(server, "watcher");
    expect(connection.getSnapshot()).toMatchObject({ save: "saved", ready: true });
    expect(lines).toHaveLength(1);
    expect(drafts.list("story")).toEqual([]);
    expect(dropped).not.toHaveBeenCalled();
  });
});
