import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { SamplingInput } from "#shared/sampling.ts";
import { UnavailableError } from "../../server/errors.ts";
import type { Rooms } from "../../server/sync/types.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk, type RunDeskOptions, seenBy } from "../support/run-desk.ts";
import {
  createScriptedModel,
  type ScriptedModel,
  type ScriptedModelOptions,
} from "../support/scripted-engine.ts";

const waiting = { interval: 5 } as const;
let test: TestDatabase;
let desk: RunDesk;
let model: ScriptedModel;
let releaseDatabase: () => void = () => {};
let script: Pick<ScriptedModelOptions, "next">;

beforeAll(async () => {
  test = await openTestDatabase();
});
afterEach(async () => {
  releaseDatabase();
  await desk.close();
});
afterAll(() => test.remove());

type Scene = Pick<ScriptedModelOptions, "next"> &
  Pick<RunDeskOptions, "body" | "sync" | "wrapRooms" | "wrapDocuments" | "clock" | "loadModel">;

async function open({ next, ...options }: Scene = {}) {
  script = next ? { next } : {};
  model = createScriptedModel({ contextTokens: 1024, ...script });
  desk = await openRunDesk({ body: "Once", ...options, database: test.database, model });
}

/** The process before it stands still at the token that it waits for. */
async function restart() {
  model = createScriptedModel({ contextTokens: 1024, tokenizer: model.tokenizer, ...script });
  await desk.restart(model);
}

async function startAndWrite(tokens: number, sampling: SamplingInput = { maxTokens: null }) {
  model.drawBelow(tokens);
  const run = await desk.generation.start(desk.owner, { documentId: desk.documentId, sampling });
  await written(tokens);
  return run;
}

async function written(tokens: number) {
  await vi.waitFor(() => expect(desk.published.tokens.length).toBe(tokens), waiting);
}

async function state(wanted: string, reason: string | null = null) {
  const latest = async () => (await desk.generation.latest([desk.documentId])).get(desk.documentId);
  await vi.waitFor(
    async () => expect(await latest()).toMatchObject({ state: wanted, reason }),
    waiting,
  );
}

function command() {
  return { documentId: desk.documentId };
}

function words(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, place) => ` word${from + place}`).join("");
}

describe("a run that was cut off", () => {
  it("R9: is paused as interrupted with its text intact, and goes on at Resume", async () => {
    const halves = [" wo", "rd", " an", "d", " mo", "re", "!"];
    await open({ next: ({ index }) => halves[index] ?? "?" });
    await startAndWrite(6, { maxTokens: 7, seed: 11 });
    const ids = desk.published.tokens.map((token) => token.id);
    await restart();
    await state("paused", "interrupted");
    expect(await desk.text()).toBe("Once word and more");
    await expect(desk.generation.start(desk.owner, command())).rejects.toMatchObject({
      code: "run_exists",
    });
    model.drawBelow(100);
    const resumed = await desk.generation.resume(desk.owner, command());
    expect(resumed).toMatchObject({ tokens: 6, seed: 11 });
    await state("finished");
    expect(await desk.text()).toBe("Once word and more!");
    expect(model.requests.at(-1)).toMatchObject({ firstIndex: 6 });
    expect(model.requests.at(-1)?.prompt.slice(-6)).toEqual(ids);
  });

  it("R7: takes in what was typed at its caret before and after the restart", async () => {
    await open({ body: "Once. The end." });
    const before = await desk.openTab(desk.editor);
    await startAndWrite(2);
    before.body.insert(before.body.length - 1, " typed", {});
    await vi.waitFor(async () => expect(await desk.text()).toContain("typed"), waiting);
    await restart();
    const after = await desk.openTab(desk.editor);
    after.body.insert(after.body.length - 1, " here", {});
    await desk.generation.resume(desk.owner, { ...command(), seen: seenBy(after) });
    model.drawBelow(4);
    await written(4);
    expect(await desk.text()).toBe(`Once. The end.${words(0, 2)} typed here${words(2, 4)}`);
  });

  it("is finished at Resume when it had written all its tokens", async () => {
    await open();
    await startAndWrite(3, { maxTokens: 4 });
    await desk.generation.pause(desk.owner, command());
    await desk.generation.tune(desk.owner, { ...command(), sampling: { maxTokens: 3 } });
    await restart();
    await desk.generation.resume(desk.owner, command());
    await state("finished");
    expect(await desk.text()).toBe(`Once${words(0, 3)}`);
    expect(model.requests).toHaveLength(0);
  });

  it("can be stopped without being resumed, and its marks are mended then", async () => {
    await open();
    const run = await startAndWrite(2);
    await restart();
    const tab = await desk.openTab(desk.editor);
    tab.body.format(4, 6, { run: null });
    tab.body.insert(0, "Not its own. ", { run: run.id });
    await vi.waitFor(async () => expect(await desk.text()).toContain("Not its own."), waiting);
    await desk.generation.stop(desk.owner, command());
    const room = await desk.server.sync.rooms.open(desk.documentId);
    expect(room.doc.getText("body").toDelta()).toEqual([
      { insert: "Not its own. Once" },
      { insert: words(0, 2), attributes: { run: run.id } },
      { insert: "\n" },
    ]);
    room.release();
  });

  it("is paused as interrupted when the server closes", async () => {
    await open();
    await startAndWrite(2);
    await desk.generation.close();
    await expect(desk.generation.start(desk.owner, command())).rejects.toMatchObject({
      code: "unavailable",
    });
    await state("paused", "interrupted");
  });
});

describe("a server that closes", () => {
  it("O5: takes a run that ends by itself at that moment as it is", async () => {
    let letOpen: () => void = () => {};
    let opened = 0;
    const wrapRooms = (rooms: Rooms): Rooms => ({
      ...rooms,
      async open(documentId) {
        // The first is the start's, the second the mending of marks at the run's end.
        if (++opened === 2) await new Promise<void>((resolve) => (letOpen = resolve));
        return rooms.open(documentId);
      },
    });
    await open({ wrapRooms });
    await startAndWrite(2, { maxTokens: 2 });
    await vi.waitFor(() => expect(opened).toBe(2), waiting);
    const closed = desk.generation.close();
    letOpen();
    await expect(closed).resolves.toBeUndefined();
    await state("finished");
  });
});

describe("a run that loses what it needs", () => {
  it("is paused as engine_lost and goes on with a new engine", async () => {
    await open();
    await startAndWrite(2);
    model.lose();
    await state("paused", "engine_lost");
    model.restart();
    model.drawBelow(4);
    await desk.generation.resume(desk.owner, command());
    await written(4);
    expect(await desk.text()).toBe(`Once${words(0, 4)}`);
  });

  it("R3: resumed while its interruption is still being kept, it goes on and stands still at Pause", async () => {
    let letKeep: () => void = () => {};
    const kept = new Promise<void>((resolve) => {
      letKeep = resolve;
    });
    await open({
      wrapDocuments: (documents) => ({
        ...documents,
        async keepVersion(documentId, version) {
          if (version.label === "When the model was interrupted") await kept;
          return documents.keepVersion(documentId, version);
        },
      }),
    });
    await startAndWrite(2);
    model.lose();
    await state("paused", "engine_lost");
    model.restart();
    const resumed = desk.generation.resume(desk.owner, command());
    // Long enough for it to go on, if it did not wait.
    await new Promise((later) => setTimeout(later, 300));
    letKeep();
    await resumed;
    model.drawBelow(4);
    await written(4);
    await desk.generation.pause(desk.owner, command());
    model.drawBelow(20);
    await new Promise((later) => setTimeout(later, 300));
    expect(desk.published.tokens).toHaveLength(4);
    expect(await desk.text()).toBe(`Once${words(0, 4)}`);
  });

  it("lets its document go after a minute, and opens it again at Resume", async () => {
    const clock = new ManualClock();
    let held = 0;
    const wrapRooms = (rooms: Rooms): Rooms => ({
      ...rooms,
      async open(documentId) {
        const room = await rooms.open(documentId);
        held++;
        const release = () => {
          held--;
          room.release();
        };
        return Object.create(room, { release: { value: release } });
      },
    });
    await open({ clock, wrapRooms });
    await startAndWrite(1);
    model.lose();
    await state("paused", "engine_lost");
    expect(held).toBe(1);
    await clock.until(() => held === 0, 1_000);
    model.restart();
    model.drawBelow(3);
    await desk.generation.resume(desk.owner, command());
    await clock.until(() => desk.published.tokens.length === 3);
    expect(await desk.text()).toBe(`Once${words(0, 3)}`);
  });

  it("S12 R8: neither loses nor repeats text whose commit was not known to have succeeded", async () => {
    let failures = 0;
    let armed = false;
    const afterCommit = async () => {
      if (!armed) return;
      armed = false;
      failures++;
      throw new Error("The line went dead after the commit.");
    };
    await open({ sync: { afterCommit } });
    await startAndWrite(2, { maxTokens: 12 });
    for (const tokens of [5, 8, 12]) {
      armed = true;
      model.drawBelow(tokens);
      const text = () => desk.text().catch(() => "");
      await vi.waitFor(async () => expect(await text()).toBe(`Once${words(0, tokens)}`), waiting);
    }
    await state("finished");
    expect(failures).toBe(3);
    const rows = await desk.database.kysely
      .selectFrom("run_tokens")
      .innerJoin("runs", "runs.id", "run_tokens.run_id")
      .select("index")
      .where("document_id", "=", desk.documentId)
      .orderBy("index")
      .execute();
    expect(rows.map((row) => row.index)).toEqual(Array.from({ length: 12 }, (_, index) => index));
  });

  it("R12: draws no further than one flush ahead of a database that does not answer", async () => {
    let stuck: Promise<void> | undefined;
    await open({ sync: { afterCommit: async () => stuck } });
    await startAndWrite(2);
    stuck = new Promise((resolve) => {
      releaseDatabase = resolve;
    });
    model.drawBelow(5_000);
    // One flush is under way, another waits: each holds 64 tokens at most, and one is in hand.
    await vi.waitFor(() => expect(model.drawn).toBeGreaterThanOrEqual(66), waiting);
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(model.drawn).toBeLessThanOrEqual(2 + 64 + 64 + 1);
    expect(desk.published.tokens).toHaveLength(2);
    stuck = undefined;
    releaseDatabase();
    await vi.waitFor(() => expect(desk.published.tokens.length).toBeGreaterThan(200), waiting);
    const paused = await desk.generation.pause(desk.owner, command());
    expect(await desk.text()).toBe(`Once${words(0, paused.tokens)}`);
  });

  it("is paused for storage when its document cannot be opened again, and goes on later", async () => {
    const clock = new ManualClock();
    let away = false;
    let armed = false;
    const afterCommit = async () => {
      if (!armed) return;
      armed = false;
      away = true;
      throw new Error("The line went dead after the commit.");
    };
    const wrapRooms = (rooms: Rooms): Rooms => ({
      ...rooms,
      open: (documentId) =>
        away ? Promise.reject(new UnavailableError("Not now.")) : rooms.open(documentId),
    });
    await open({ clock, sync: { afterCommit }, wrapRooms });
    await startAndWrite(1);
    clock.advance(100);
    armed = true;
    model.drawBelow(2);
    await clock.until(() => desk.published.states.at(-1)?.state === "paused");
    await state("paused", "storage");
    away = false;
    model.drawBelow(4);
    await desk.generation.resume(desk.owner, command());
    const latest = () => desk.published.tokens.at(-1)?.index === 3;
    await clock.until(latest);
    expect(await desk.text()).toBe(`Once${words(0, 4)}`);
  });

  it("is paused as document_gone when its document is deleted under it", async () => {
    await open();
    await startAndWrite(2);
    await desk.database.kysely.deleteFrom("documents").where("id", "=", desk.documentId).execute();
    model.drawBelow(100);
    await vi.waitFor(
      () =>
        expect(desk.published.states.at(-1)).toMatchObject({
          state: "paused",
          reason: "document_gone",
        }),
      waiting,
    );
  });
});

describe("a run whose engine is lost while people write at its caret", () => {
  let clock: ManualClock;
  let loading: number;

  /** The model yields to what is typed, and its engine is lost meanwhile. */
  async function loseWhileYielding(loadModel?: RunDeskOptions["loadModel"]) {
    clock = new ManualClock();
    loading = 0;
    await open({
      clock,
      loadModel: async (loaded) => {
        loading++;
        await model.ready();
        return loadModel?.(loaded) ?? loaded;
      },
    });
    await startAndWrite(1);
    const tab = await desk.openTab(desk.editor);
    tab.body.insert(tab.body.length - 1, " typed", {});
    await vi.waitFor(async () => expect(await desk.text()).toBe("Once word0 typed"), waiting);
    model.lose();
    model.drawBelow(3);
    loading = 0;
    // The quiet after which it would go on.
    await clock.until(() => loading === 1);
  }

  it("E12 R6: waits for it and goes on by itself", async () => {
    await loseWhileYielding();
    await clock.until(() => clock.now() > 5_000);
    expect(desk.published.states.at(-1)?.state).toBe("streaming");
    model.restart();
    await clock.until(() => desk.published.tokens.length === 3);
    expect(await desk.text()).toBe(`Once word0 typed${words(1, 3)}`);
    expect(desk.published.states.map((run) => run.state)).not.toContain("paused");
  });

  it("E12: is paused as engine_lost when it is not back within ten seconds", async () => {
    await loseWhileYielding();
    const since = clock.now();
    await clock.until(() => desk.published.states.at(-1)?.state === "paused");
    expect(desk.published.states.at(-1)).toMatchObject({ reason: "engine_lost" });
    expect(clock.now() - since).toBeGreaterThanOrEqual(9_900);
    expect(clock.now() - since).toBeLessThanOrEqual(10_100);
  });

  it("E11 E12: is paused as engine_lost when another model has come in its place", async () => {
    let replaced: ScriptedModel | undefined;
    await loseWhileYielding(async (loaded) => replaced ?? loaded);
    replaced = createScriptedModel();
    model.restart();
    await state("paused", "engine_lost");
    expect(replaced.requests).toEqual([]);
  });

  it("R3: stands still at Pause while it waits, and ends at Stop", async () => {
    await loseWhileYielding();
    const paused = await desk.generation.pause(desk.owner, command());
    expect(paused).toMatchObject({ state: "paused", reason: "by_person" });
    model.restart();
    model.drawBelow(9);
    const stopped = await desk.generation.stop(desk.owner, command());
    expect(stopped).toMatchObject({ state: "stopped", tokens: 1 });
    expect(await desk.text()).toBe("Once word0 typed");
  });
});

describe("a run's end", () => {
  it("A25: is saved with what belongs to it or not at all, and tried until it can be", async () => {
    const clock = new ManualClock();
    await open({ clock });
    await startAndWrite(1);
    let fails = true;
    const told: string[] = [];
    const stopped = await desk.generation.stop(desk.owner, command(), async (run, transaction) => {
      const row = await transaction
        .selectFrom("runs")
        .select("state")
        .where("id", "=", run.id)
        .executeTakeFirstOrThrow();
      told.push(`${run.state} ${row.state}`);
      if (fails) throw new Error("The line went dead.");
    });
    expect(stopped.state).toBe("stopped");
    const stored = () =>
      desk.database.kysely
        .selectFrom("runs")
        .select("state")
        .where("document_id", "=", desk.documentId)
        .executeTakeFirstOrThrow();
    expect(await stored()).toEqual({ state: "streaming" });
    fails = false;
    await clock.until(() => told.length === 2, 250);
    await vi.waitFor(async () => expect(await stored()).toEqual({ state: "stopped" }), waiting);
    clock.advance(5_000);
    expect(told).toEqual(["stopped stopped", "stopped stopped"]);
  });

  it("S14: keeps a snapshot of all that was written", async () => {
    await open();
    const tab = await desk.openTab(desk.owner);
    await startAndWrite(30, { maxTokens: 30 });
    await state("finished");
    const latest = () =>
      desk.database.kysely
        .selectFrom("documents")
        .select(["head_seq", "snapshot_seq"])
        .where("id", "=", desk.documentId)
        .executeTakeFirstOrThrow();
    await vi.waitFor(async () => {
      const { head_seq, snapshot_seq } = await latest();
      expect(snapshot_seq).toBe(head_seq);
    }, waiting);
    expect((await latest()).head_seq).toBeGreaterThan(1);
    expect(tab.provider.wsconnected).toBe(true);
  });
});

describe("a document's settings", () => {
  it("stand before the prompt and under the person's sampling", async () => {
    await open();
    await desk.database.kysely
      .insertInto("document_settings")
      .values({
        document_id: desk.documentId,
        sampling: JSON.stringify({ temperature: 1.2, topK: 5 }),
        memory: "A tale",
        changed_by: desk.owner.id,
        changed_at: new Date(),
      })
      .execute();
    const run = await startAndWrite(1, { topK: 7, seed: 4_294_967_295 });
    expect(run.sampling).toMatchObject({
      temperature: 1.2,
      topK: 7,
      topP: 0.95,
      seed: 4_294_967_295,
    });
    expect(model.requests[0]?.text).toBe("A tale\nOnce");
  });
});
