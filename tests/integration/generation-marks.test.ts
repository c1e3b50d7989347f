import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk, seenBy } from "../support/run-desk.ts";
import { readWrittenText } from "../support/run-text-check.ts";
import { createScriptedModel } from "../support/scripted-engine.ts";
import type { Tab } from "../support/sync-server.ts";

const waiting = { interval: 5 } as const;
let store: TestDatabase;
let desk: RunDesk;
beforeAll(async () => {
  store = await openTestDatabase();
});
afterEach(() => desk.close());
afterAll(() => store.remove());

/** Writes one run to its end, once the server has what the tab has, and resolves with its id once it is saved as ended. */
async function writeRun(maxTokens: number, after?: Tab): Promise<string> {
  const { documentId, generation, owner } = desk;
  const seen = after && seenBy(after);
  const { id } = await generation.start(owner, { documentId, sampling: { maxTokens }, seen });
  await vi.waitFor(
    () => expect(desk.published.states.at(-1)).toMatchObject({ id, state: "finished" }),
    waiting,
  );
  return id;
}

async function colours() {
  const room = await desk.server.sync.rooms.open(desk.documentId);
  await room.settled();
  const body = room.doc.getText("body");
  const { wronglyMarked } = await readWrittenText(desk.database, desk.documentId, body);
  const delta: unknown = body.toDelta();
  room.release();
  return { wronglyMarked, delta };
}

test("R14: a run's end gives earlier runs their colour back too, and takes it from people's words", async () => {
  desk = await openRunDesk({
    database: store.database,
    body: "Once",
    model: createScriptedModel(),
  });
  const first = await writeRun(3);
  const tab = await desk.openTab(desk.editor);
  await vi.waitFor(() => expect(tab.body.toString()).toBe("Once word0 word1 word2\n"), waiting);
  // As concurrent deletions leave it: a mark is lost, and another reaches too far.
  tab.body.format(5, 5, { run: null });
  tab.body.format(1, 3, { run: first });
  await vi.waitFor(async () => expect((await colours()).wronglyMarked).toBe(8), waiting);
  const second = await writeRun(1, tab);
  expect((await colours()).delta).toEqual([
    { insert: "Once" },
    { insert: " word0 word1 word2", attributes: { run: first } },
    { insert: " word0", attributes: { run: second } },
    { insert: "\n" },
  ]);
});

test("R14: a colour of another run's is put right as well", async () => {
  desk = await openRunDesk({
    database: store.database,
    body: "Once",
    model: createScriptedModel(),
  });
  const first = await writeRun(2);
  const second = await writeRun(2);
  const tab = await desk.openTab(desk.editor);
  await vi.waitFor(() => expect(tab.body.length).toBe("Once word0 word1 word0 word1\n".length));
  tab.body.format(4, 6, { run: second });
  tab.body.format(16, 6, { run: first });
  const third = await writeRun(1, tab);
  expect((await colours()).delta).toEqual([
    { insert: "Once" },
    { insert: " word0 word1", attributes: { run: first } },
    { insert: " word0 word1", attributes: { run: second } },
    { insert: " word0", attributes: { run: third } },
    { insert: "\n" },
  ]);
});

test("R14: words of a run's that a person took away and brought back keep its colour", async () => {
  desk = await openRunDesk({
    database: store.database,
    body: "Once",
    model: createScriptedModel(),
  });
  const first = await writeRun(3);
  const tab = await desk.openTab(desk.editor);
  await vi.waitFor(() => expect(tab.body.toString()).toBe("Once word0 word1 word2\n"), waiting);
  const undo = new Y.UndoManager(tab.body, { trackedOrigins: new Set(["person"]) });
  tab.doc.transact(() => tab.body.delete(2, 16), "person");
  undo.undo();
  const second = await writeRun(1, tab);
  expect((await colours()).delta).toEqual([
    { insert: "Once" },
    { insert: " word0 word1 word2", attributes: { run: first } },
    { insert: " word0", attributes: { run: second } },
    { insert: "\n" },
  ]);
});
