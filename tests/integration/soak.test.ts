import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { ConflictError } from "../../server/errors.ts";
import { createModelLibrary, type ModelLibrary } from "../../server/model-library/model-library.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";
import { Random } from "../support/random.ts";
import { openRunDesk, type RunDesk } from "../support/run-desk.ts";
import {
  expectGaplessLog,
  idsClaimed,
  idsInserted,
  readWrittenText,
} from "../support/run-text-check.ts";
import type { Tab } from "../support/sync-server.ts";

const soakMs = 8_000;
const documents = 6;
const waiting = { timeout: 20_000, interval: 20 };
const heapLimitBytes = 150 * 1024 * 1024;

let store: TestDatabase;
let models: ModelLibrary;
let desks: RunDesk[] = [];
const unhandled: unknown[] = [];
const remember = (reason: unknown) => void unhandled.push(reason);
beforeAll(async () => {
  process.on("unhandledRejection", remember);
  store = await openTestDatabase();
  models = createModelLibrary({ modelsDir: "models", logger: silent });
});
afterEach(async () => {
  await Promise.all(desks.map((desk) => desk.close()));
});
afterAll(async () => {
  process.off("unhandledRejection", remember);
  await models.close();
  await store.remove();
});

/** A person's edit before the final line break that leaves every character whole. */
function edit({ body }: Tab, random: Random): void {
  const place = random.below(body.length);
  if (random.chance(0.6)) body.insert(place, random.pick(["so ", "and ", "\n", "é", "x"]), {});
  else body.delete(place, Math.min(random.below(6), body.length - 1 - place));
}

/** A command that does not fit the run's state is refused; nothing else may go wrong. */
function allowConflict(error: unknown): void {
  if (!(error instanceof ConflictError)) throw error;
}

/** One document's afternoon: two people edit and press, one run after the other streams. */
async function live(desk: RunDesk, tabs: readonly Tab[], random: Random): Promise<void> {
  const { documentId, generation, owner, editor } = desk;
  const end = performance.now() + soakMs;
  const commands = [
    () => generation.pause(editor, { documentId }),
    () => generation.resume(owner, { documentId }),
    () => generation.stop(owner, { documentId }),
    () => generation.start(owner, { documentId, sampling: { maxTokens: null } }),
  ];
  while (performance.now() < end) {
    edit(random.pick(tabs), random);
    if (random.chance(0.3)) {
      await random.pick(commands)().catch(allowConflict);
    }
    await new Promise((resolve) => setTimeout(resolve, random.below(60)));
  }
  await generation.stop(owner, { documentId }).catch(allowConflict);
}

/** One more run, with nobody writing: its end mends the colours that concurrent edits left wrong. */
async function lastRun({ documentId, generation, owner, published }: RunDesk): Promise<void> {
  const { id } = await generation.start(owner, { documentId, sampling: { maxTokens: 2 } });
  await vi.waitFor(
    () => expect(published.states.at(-1)).toMatchObject({ id, state: "finished" }),
    waiting,
  );
}

test.each([20_261_121])(
  "S1 S3 R14: six documents stream while people edit, pause, resume, stop and start: all copies agree, and each written character is known (seed %i)",
  async (seed) => {
    const model = await models.load();
    const scenes = [];
    for (let place = 0; place < documents; place++) {
      const desk = await openRunDesk({
        database: store.database,
        body: "Once upon a time there was a mill by the river.",
        model,
      });
      desks.push(desk);
      const tabs = [await desk.openTab(desk.owner), await desk.openTab(desk.editor)];
      scenes.push({ desk, tabs, random: new Random(seed + place) });
    }
    const heapBefore = process.memoryUsage().heapUsed;
    await Promise.all(scenes.map(({ desk, tabs, random }) => live(desk, tabs, random)));
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(heapLimitBytes);
    for (const { desk, tabs } of scenes) {
      for (const tab of tabs) {
        await vi.waitFor(
          async () => expect(tab.body.toString()).toBe(`${await desk.text()}\n`),
          waiting,
        );
      }
      await lastRun(desk);
      const room = await desk.server.sync.rooms.open(desk.documentId);
      const body = room.doc.getText("body");
      const written = await readWrittenText(store.database, desk.documentId, body);
      const { tokens, wronglyMarked } = written;
      expect(tokens.length).toBeGreaterThan(0);
      expect(wronglyMarked).toBe(0);
      room.release();
      const inserted = await idsInserted(store.database, desk.documentId);
      expect(await idsClaimed(store.database, desk.documentId)).toEqual(inserted);
      expect(inserted).toHaveLength(tokens.length);
      await expectGaplessLog(store.database, desk.documentId);
    }
    expect(unhandled).toEqual([]);
  },
);
