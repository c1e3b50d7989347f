import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import type { SamplingInput } from "#shared/sampling.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk, type RunDeskOptions, seenBy } from "../support/run-desk.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-engine.ts";
import { changeRole } from "../support/sync-server.ts";

const waiting = { interval: 5 } as const;
let test: TestDatabase;
let desk: RunDesk;
let model: ScriptedModel;

beforeAll(async () => {
  test = await openTestDatabase();
});
afterEach(() => desk.close());
afterAll(() => test.remove());

async function open(options: Partial<RunDeskOptions> & { model?: ScriptedModel } = {}) {
  model = options.model ?? createScriptedModel();
  desk = await openRunDesk({ ...options, database: test.database, model });
}

function start(sampling: SamplingInput = {}) {
  return desk.generation.start(desk.owner, { documentId: desk.documentId, sampling });
}

function command() {
  return { documentId: desk.documentId };
}

async function state() {
  return (await desk.generation.latest([desk.documentId])).get(desk.documentId);
}

/** Waits until so many tokens of the run are committed. */
async function written(tokens: number) {
  await vi.waitFor(
    () => expect(desk.published.tokens.length).toBeGreaterThanOrEqual(tokens),
    waiting,
  );
}

async function ended() {
  await vi.waitFor(
    () => expect(desk.published.states.at(-1)?.state).toMatch(/finished|stopped|failed/),
    waiting,
  );
  return desk.published.states.at(-1);
}

function words(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, place) => ` word${from + place}`).join("");
}

describe("a run", () => {
  it("writes at the end, before the final line break, until its tokens are written", async () => {
    await open({ body: "Once upon a time" });
    const answer = await start({ maxTokens: 5, seed: 3 });
    expect(answer).toMatchObject({ state: "queued", seed: 3, tokens: 0, model: "scripted" });
    expect(await ended()).toMatchObject({
      state: "finished",
      finishReason: "max_tokens",
      tokens: 5,
    });
    expect(await desk.text()).toBe(`Once upon a time${words(0, 5)}`);
    expect(desk.published.tokens.map((token) => token.index)).toEqual([0, 1, 2, 3, 4]);
    expect(desk.published.states.map((run) => run.state)).toEqual([
      "queued",
      "streaming",
      "finished",
    ]);
    expect(model.requests[0]).toMatchObject({ text: "Once upon a time", firstIndex: 0 });
  });

  it("writes at a caret that a person names, and refuses one that is no place in the text", async () => {
    await open({ body: "Here. There." });
    const tab = await desk.openTab(desk.owner);
    const place = Y.createRelativePositionFromTypeIndex(tab.body, 5);
    const caret = Buffer.from(Y.encodeRelativePosition(place)).toString("base64");
    const input = { documentId: desk.documentId, at: "caret" as const, sampling: { maxTokens: 2 } };
    const elsewhere = Y.createRelativePositionFromTypeIndex(tab.doc.getText("title"), 0);
    const titleCaret = Buffer.from(Y.encodeRelativePosition(elsewhere)).toString("base64");
    for (const bad of [titleCaret, "AAAA", ""]) {
      await expect(
        desk.generation.start(desk.owner, { ...input, caret: bad }),
      ).rejects.toMatchObject({ code: "invalid", details: { field: "caret" } });
    }
    await desk.generation.start(desk.owner, { ...input, caret });
    await ended();
    expect(await desk.text()).toBe(`Here.${words(0, 2)} There.`);
    expect(model.requests[0]?.text).toBe("Here.");
  });

  it("starts from the end-of-text token in an empty document", async () => {
    await open({ body: "" });
    await start({ maxTokens: 2 });
    await ended();
    expect(model.requests[0]?.prompt).toEqual([0]);
    expect(await desk.text()).toBe(words(0, 2));
  });

  it("R1: lives alone in its document: of two Starts at once one is told run_exists", async () => {
    await open();
    model.drawBelow(1);
    const answers = await Promise.allSettled([start(), start()]);
    expect(answers.map((answer) => answer.status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = answers.find((answer) => answer.status === "rejected");
    expect(refused?.reason).toMatchObject({ code: "run_exists" });
    await expect(start()).rejects.toMatchObject({ code: "run_exists" });
  });

  it("R14: marks exactly its own characters, and keeps their item ranges and tokens", async () => {
    await open({ body: "Once" });
    const run = await start({ maxTokens: 4 });
    await ended();
    const room = await desk.server.sync.rooms.open(desk.documentId);
    expect(room.doc.getText("body").toDelta()).toEqual([
      { insert: "Once" },
      { insert: words(0, 4), attributes: { run: run.id } },
      { insert: "\n" },
    ]);
    const items = await desk.database.kysely
      .selectFrom("run_items")
      .selectAll()
      .where("run_id", "=", run.id)
      .execute();
    const own = items.map((item) => itemText(room.doc, item)).join("");
    expect(own).toBe(words(0, 4));
    const tokens = await desk.database.kysely
      .selectFrom("run_tokens")
      .selectAll()
      .where("run_id", "=", run.id)
      .orderBy("index")
      .execute();
    expect(tokens.map((token) => token.text)).toEqual([" word0", " word1", " word2", " word3"]);
    for (const { client, clock, text } of tokens) {
      const range = {
        client: client ?? 0,
        clock_from: clock ?? 0,
        clock_to: (clock ?? 0) + text.length,
      };
      expect(itemText(room.doc, range)).toBe(text);
    }
    room.release();
  });

  it("R11: never writes a stop string, nor what could have become one", async () => {
    const script = [" a", "b E", "N", "x", " E", "ND", "rest"];
    await open({ model: createScriptedModel({ next: ({ index }) => script[index] ?? "!" }) });
    await start({ stop: ["END"] });
    expect(await ended()).toMatchObject({ state: "finished", finishReason: "stop_string" });
    expect(await desk.text()).toBe(" ab ENx ");
  });

  it("ends at the end-of-text token without writing it", async () => {
    await open({ model: createScriptedModel({ next: ({ index }) => (index < 3 ? " a" : null) }) });
    await start();
    expect(await ended()).toMatchObject({ finishReason: "end_of_text", tokens: 3 });
    expect(await desk.text()).toBe(" a a a");
  });

  it("writes whole characters only, and cleans what no document can hold", async () => {
    const bytes = Buffer.from("🦊é");
    const model = createScriptedModel({
      next: ({ index }) => [" ok", f1, f2, f3, " a\0b\r\nc\u2028d"][index] ?? "!",
    });
    const f1 = model.tokenizer.id(Buffer.concat([Buffer.from(" "), bytes.subarray(0, 2)]));
    const f2 = model.tokenizer.id(bytes.subarray(2, 5));
    const f3 = model.tokenizer.id(bytes.subarray(5));
    await open({ model });
    const tab = await desk.openTab(desk.owner);
    const seen: string[] = [];
    tab.body.observe(() => seen.push(tab.body.toString()));
    await start({ maxTokens: 5 });
    await ended();
    expect(await desk.text()).toBe(" ok 🦊é a\uFFFDb\nc\nd");
    expect(seen.some((text) => /\p{Surrogate}/u.test(text))).toBe(false);
    expect(seen.every((text) => text.split("\uFFFD").length <= 2)).toBe(true);
  });

  it("ends a heading with its first line break, as Enter would", async () => {
    await open({
      model: createScriptedModel({ next: ({ index }) => ["!", "\n", "Text"][index] ?? "" }),
    });
    const tab = await desk.openTab(desk.owner);
    tab.body.insert(0, "Title", {});
    tab.body.format(5, 1, { block: "heading", level: 2 });
    const { id } = await desk.generation.start(desk.owner, {
      documentId: desk.documentId,
      seen: seenBy(tab),
      sampling: { maxTokens: 3 },
    });
    await ended();
    const room = await desk.server.sync.rooms.open(desk.documentId);
    expect(room.doc.getText("body").toDelta()).toEqual([
      { insert: "Title" },
      { insert: "!", attributes: { run: id } },
      { insert: "\n", attributes: { run: id, block: "heading", level: 2 } },
      { insert: "Text", attributes: { run: id } },
      { insert: "\n" },
    ]);
    room.release();
  });

  it("R11: goes on past its context window when it is endless", async () => {
    await open({ body: "Once", model: createScriptedModel({ contextTokens: 16 }) });
    await start({ maxTokens: null });
    await written(60);
    await desk.generation.stop(desk.owner, command());
    const tokens = desk.published.tokens.length;
    expect(await desk.text()).toBe(`Once${words(0, tokens)}`);
  });

  it("cuts a prompt that is longer than the window to its newest words", async () => {
    const body = Array.from({ length: 400 }, (_, place) => `w${place}`).join(" ");
    await open({ body, model: createScriptedModel({ contextTokens: 64 }) });
    await start({ maxTokens: 1 });
    await ended();
    const { prompt, text } = model.requests[0] ?? { prompt: [], text: "" };
    expect(prompt.length).toBe(48);
    expect(body.endsWith(text)).toBe(true);
  });

  it("D3: reads strange text: emoji, right-to-left, combining marks, lone surrogates, NUL", async () => {
    const strange = (lone: string) => `👩‍👩‍👧 שלום e\u0301 ${lone} x\0y`;
    await open({ body: strange("\uD83D") });
    await start({ maxTokens: 1 });
    expect(await ended()).toMatchObject({ state: "finished" });
    expect(model.requests[0]?.text).toBe(strange("\uFFFD"));
  });
});

describe("commands", () => {
  it("R3: writes no text after a pause's answer, and goes on at Resume from the live text", async () => {
    await open({ body: "Once", model: createScriptedModel({ contextTokens: 8192 }) });
    await start({ maxTokens: null });
    await written(3);
    const paused = await desk.generation.pause(desk.owner, command());
    const last = paused.tokens + 5;
    await desk.generation.tune(desk.owner, { ...command(), sampling: { maxTokens: last } });
    expect(paused).toMatchObject({ state: "paused", reason: "by_person" });
    const atPause = await desk.text();
    expect(atPause).toBe(`Once${words(0, paused.tokens)}`);
    const tab = await desk.openTab(desk.editor);
    tab.body.insert(tab.body.length - 1, " and then", {});
    tab.body.insert(0, "So: ", {});
    const resumed = await desk.generation.resume(desk.editor, { ...command(), seen: seenBy(tab) });
    expect(resumed).toMatchObject({ state: "queued", changedBy: { name: desk.editor.name } });
    await ended();
    expect(model.requests.at(-1)).toMatchObject({
      text: `So: ${atPause} and then`,
      firstIndex: paused.tokens,
    });
    expect(await desk.text()).toBe(`So: ${atPause} and then${words(paused.tokens, last)}`);
  });

  it("stops from every live state", async () => {
    await open();
    model.holdPrefill(true);
    await start();
    expect(await desk.generation.stop(desk.owner, command())).toMatchObject({ state: "stopped" });
    model.holdPrefill(false);
    await start({ maxTokens: null });
    await written(2);
    expect(await desk.generation.stop(desk.owner, command())).toMatchObject({
      state: "stopped",
      finishReason: "stopped",
    });
    const text = await desk.text();
    await start({ maxTokens: null });
    await written(desk.published.tokens.length + 1);
    await desk.generation.pause(desk.owner, command());
    await desk.generation.stop(desk.owner, command());
    expect((await desk.text()).startsWith(text)).toBe(true);
    expect(await state()).toMatchObject({ state: "stopped" });
  });

  it("R2: refuses what does not fit the run's state with a sentence to act on", async () => {
    await open();
    const { generation, owner } = desk;
    const illegal = (message: RegExp) => ({
      code: "illegal_transition",
      message: expect.stringMatching(message),
    });
    await expect(generation.pause(owner, command())).rejects.toMatchObject(illegal(/No run/));
    model.drawBelow(1);
    await start();
    await expect(generation.resume(owner, command())).rejects.toMatchObject(
      illegal(/already going on/),
    );
    await generation.pause(owner, command());
    await expect(generation.pause(owner, command())).rejects.toMatchObject(
      illegal(/already paused/),
    );
    await generation.stop(owner, command());
    await expect(generation.stop(owner, command())).rejects.toMatchObject(
      illegal(/already stopped/),
    );
    await expect(generation.resume(owner, command())).rejects.toMatchObject(
      illegal(/already stopped/),
    );
  });

  it("refuses a seen that is no state vector", async () => {
    await open();
    for (const seen of ["////", "AQ=="]) {
      await expect(desk.generation.start(desk.owner, { ...command(), seen })).rejects.toMatchObject(
        { code: "invalid", details: { field: "seen" } },
      );
    }
  });

  it("R13: answers not_synced when the server lacks what the person saw", async () => {
    await open();
    const elsewhere = new Y.Doc();
    elsewhere.getText("body").insert(0, "unsent");
    const seen = Buffer.from(Y.encodeStateVector(elsewhere)).toString("base64");
    await expect(desk.generation.start(desk.owner, { ...command(), seen })).rejects.toMatchObject({
      code: "not_synced",
    });
  });

  it("S8 R13: refuses a command whose right went while it waited for what the person saw", async () => {
    await open();
    const tab = await desk.openTab(desk.editor);
    const unsent = new Y.Doc();
    unsent.getText("body").insert(0, "unsent");
    const seen = Buffer.from(Y.encodeStateVector(unsent)).toString("base64");
    const answer = desk.generation
      .start(desk.owner, { ...command(), seen })
      .catch((error: unknown) => error);
    await changeRole(desk.database, desk.documentId, desk.owner.id, null);
    Y.applyUpdate(tab.doc, Y.encodeStateAsUpdate(unsent));
    expect(await answer).toMatchObject({ code: "not_found" });
    expect(await state()).toBeUndefined();
  });

  it("names who did what, and nothing more about them", async () => {
    await open();
    model.drawBelow(1);
    const started = await start({ maxTokens: null });
    const tuned = await desk.generation.tune(desk.owner, { ...command(), sampling: { topK: 3 } });
    const paused = await desk.generation.pause(desk.editor, command());
    const { id, name } = desk.owner;
    expect([started.startedBy, started.changedBy, tuned.changedBy]).toEqual(
      Array.from({ length: 3 }, () => ({ id, name })),
    );
    expect(paused.changedBy).toEqual({ id: desk.editor.id, name: desk.editor.name });
  });

  it("R10: samples otherwise from the next token on after a tune, and refuses what cannot be", async () => {
    await open();
    model.drawBelow(3);
    await start({ maxTokens: 10 });
    await written(3);
    await expect(
      desk.generation.tune(desk.owner, { ...command(), sampling: { minTokens: 11 } }),
    ).rejects.toMatchObject({ code: "invalid", details: { field: "sampling.minTokens" } });
    const tuned = await desk.generation.tune(desk.owner, {
      ...command(),
      sampling: { temperature: 1.5, maxTokens: 6 },
    });
    expect(tuned.sampling).toMatchObject({ temperature: 1.5, maxTokens: 6 });
    model.drawBelow(100);
    expect(await ended()).toMatchObject({ tokens: 6 });
    expect(model.requests.at(-1)).toMatchObject({ firstIndex: 3, sampling: { temperature: 1.5 } });
    expect(await desk.text()).toBe(words(0, 6));
  });

  it("lets an editor steer and not start, and pauses a run whose starter lost the right", async () => {
    await open();
    const { generation, editor, owner } = desk;
    await expect(generation.start(editor, command())).rejects.toMatchObject({ code: "forbidden" });
    await start({ maxTokens: null });
    await written(1);
    await desk.database.kysely
      .updateTable("users")
      .set({ status: "suspended" })
      .where("id", "=", owner.id)
      .execute();
    await generation.accessChanged(owner.id, null);
    expect(await state()).toMatchObject({ state: "paused", reason: "access" });
  });
});

function itemText(
  doc: Y.Doc,
  { client, clock_from, clock_to }: { client: number; clock_from: number; clock_to: number },
): string {
  let text = "";
  for (let item = doc.getText("body")._start; item; item = item.right) {
    if (item.id.client !== client || item.deleted) continue;
    if (!(item.content instanceof Y.ContentString)) continue;
    const from = Math.max(clock_from - item.id.clock, 0);
    text += item.content.str.slice(from, Math.max(from, clock_to - item.id.clock));
  }
  return text;
}
