import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunDocuments } from "../../server/generation/run-dependencies.ts";
import type { Rooms } from "../../server/sync/types.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk, type RunDeskOptions } from "../support/run-desk.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-engine.ts";
import { changeRole } from "../support/sync-server.ts";

const waiting = { interval: 5 } as const;
let store: TestDatabase;
let desk: RunDesk;
let model: ScriptedModel;
let gate: Gate;
beforeAll(async () => {
  store = await openTestDatabase();
});
afterEach(async () => {
  gate.open();
  await desk.close();
});
afterAll(() => store.remove());

/** Holds the nth call that passes through it. */
class Gate {
  readonly #nth: number;
  #calls = 0;
  #tellReached: () => void = () => {};
  #letGo: () => void = () => {};
  readonly #opened = new Promise<void>((resolve) => (this.#letGo = resolve));
  /** Resolves once somebody stands before it. */
  readonly reached = new Promise<void>((resolve) => (this.#tellReached = resolve));

  constructor(nth: number) {
    this.#nth = nth;
  }

  async pass(): Promise<void> {
    if (++this.#calls !== this.#nth) return;
    this.#tellReached();
    await this.#opened;
  }

  open(): void {
    this.#letGo();
  }
}

async function open(options: Pick<RunDeskOptions, "wrapRooms" | "wrapDocuments">): Promise<void> {
  model = createScriptedModel();
  model.drawBelow(2);
  desk = await openRunDesk({ ...options, body: "Once", database: store.database, model });
}

/** The nth opening of a document waits: a Start has loaded its model by then. */
function openWithHeldRoom(nth: number): Promise<void> {
  const held = new Gate(nth);
  gate = held;
  const wrapRooms = (rooms: Rooms): Rooms => ({
    ...rooms,
    async open(documentId) {
      await held.pass();
      return rooms.open(documentId);
    },
  });
  return open({ wrapRooms });
}

/** The nth command's right is granted, and it hears of it late. */
function openWithHeldAnswer(nth: number): Promise<void> {
  const held = new Gate(nth);
  gate = held;
  const wrapDocuments = (documents: RunDocuments): RunDocuments => ({
    ...documents,
    async requireAccess(...asked) {
      const access = await documents.requireAccess(...asked);
      await held.pass();
      return access;
    },
  });
  return open({ wrapDocuments });
}

const command = () => ({ documentId: desk.documentId });
const start = () =>
  desk.generation.start(desk.owner, { ...command(), sampling: { maxTokens: null } });
const latest = async () => (await desk.generation.latest([desk.documentId])).get(desk.documentId);

/** As documents does it: the date first, then generation is told; `told` resolves when it has acted. */
async function archive(): Promise<{ told: Promise<void> }> {
  await desk.database.kysely
    .updateTable("documents")
    .set({ archived_at: new Date() })
    .where("id", "=", desk.documentId)
    .execute();
  return { told: desk.generation.accessChanged(null, desk.documentId) };
}

/** Writes two tokens and pauses. */
async function writeAndPause(): Promise<void> {
  await start();
  await vi.waitFor(() => expect(desk.published.tokens).toHaveLength(2), waiting);
  await desk.generation.pause(desk.owner, command());
  model.drawBelow(100);
}

describe("archiving wins", () => {
  const refusal = { code: "forbidden", message: expect.stringContaining("archived") };

  it("A9: over a Start that was let in and is still loading", async () => {
    await openWithHeldRoom(1);
    const starting = start().catch((error: unknown) => error);
    await gate.reached;
    await (await archive()).told;
    gate.open();
    expect(await starting).toMatchObject(refusal);
    expect(await latest()).toBeUndefined();
    expect(await desk.text()).toBe("Once");
  });

  it("A9: over a Start that was let in for the last time", async () => {
    // At its call, at its turn, and before it sets the run off.
    await openWithHeldAnswer(3);
    const starting = start();
    await gate.reached;
    const { told } = await archive();
    gate.open();
    await Promise.all([starting, told]);
    expect(await latest()).toMatchObject({ state: "paused", reason: "access" });
    const text = await desk.text();
    model.drawBelow(100);
    await expect(desk.generation.resume(desk.owner, command())).rejects.toMatchObject(refusal);
    expect(await desk.text()).toBe(text);
  });

  it("A9: over a Resume, also of a run whose starter has left", async () => {
    // The start asks three times, the pause and the resume twice; then the resume for the last time.
    await openWithHeldAnswer(8);
    await writeAndPause();
    await changeRole(desk.database, desk.documentId, desk.owner.id, null);
    const resuming = desk.generation.resume(desk.editor, command());
    await gate.reached;
    const { told } = await archive();
    gate.open();
    await Promise.all([resuming, told]);
    expect(await latest()).toMatchObject({ state: "paused", reason: "access" });
  });

  it("A9: over a Resume that is still loading", async () => {
    await openWithHeldAnswer(7);
    await writeAndPause();
    const resuming = desk.generation
      .resume(desk.editor, command())
      .catch((error: unknown) => error);
    await gate.reached;
    await (await archive()).told;
    gate.open();
    expect(await resuming).toMatchObject(refusal);
    expect(await latest()).toMatchObject({ state: "paused", reason: "by_person" });
  });
});

describe("a right that goes", () => {
  it("S8: is gone for a Start that is still loading", async () => {
    await openWithHeldRoom(1);
    const starting = start().catch((error: unknown) => error);
    await gate.reached;
    await changeRole(desk.database, desk.documentId, desk.owner.id, "watcher");
    await desk.generation.accessChanged(desk.owner.id, desk.documentId);
    gate.open();
    expect(await starting).toMatchObject({ code: "forbidden" });
    expect(await latest()).toBeUndefined();
  });
});

describe("a server that closes", () => {
  it("O5: refuses a Start that is still loading, with a sentence", async () => {
    await openWithHeldRoom(1);
    const starting = start().catch((error: unknown) => error);
    await gate.reached;
    await desk.generation.close();
    gate.open();
    expect(await starting).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("stopping"),
    });
    expect(await latest()).toBeUndefined();
  });

  it("O5 R9: waits for a Start that it has let in, and leaves its run interrupted", async () => {
    await openWithHeldAnswer(3);
    const starting = start();
    await gate.reached;
    const closed = desk.generation.close();
    gate.open();
    await Promise.all([starting, closed]);
    expect(await latest()).toMatchObject({ state: "paused", reason: "interrupted" });
    model = createScriptedModel({ tokenizer: model.tokenizer });
    await desk.restart(model);
    expect(await latest()).toMatchObject({ state: "paused", reason: "interrupted" });
    await desk.generation.resume(desk.owner, command());
    expect(await desk.generation.stop(desk.owner, command())).toMatchObject({ state: "stopped" });
  });
});

describe("an archived document", () => {
  it("A8 A9: lets its paused run be stopped, and is left as it is", async () => {
    await openWithHeldRoom(Number.POSITIVE_INFINITY);
    await writeAndPause();
    const stored = async () => {
      const { kysely } = desk.database;
      const count = (table: "document_updates" | "versions") =>
        kysely.selectFrom(table).select("seq").where("document_id", "=", desk.documentId).execute();
      return [(await count("document_updates")).length, (await count("versions")).length];
    };
    const tab = await desk.openTab(desk.editor);
    const [updates = 0, versions] = await stored();
    // A colour that a run's end would mend.
    tab.body.format(0, 4, { run: (await latest())?.id });
    await vi.waitFor(async () => expect(await stored()).toEqual([updates + 1, versions]), waiting);
    await (await archive()).told;
    expect(await desk.generation.stop(desk.owner, command())).toMatchObject({ state: "stopped" });
    expect(await latest()).toMatchObject({ state: "stopped" });
    expect(await stored()).toEqual([updates + 1, versions]);
  });
});
