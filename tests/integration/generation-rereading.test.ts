import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import type { SamplingInput } from "#shared/sampling.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk, seenBy } from "../support/run-desk.ts";
import {
  commonPrefix,
  createScriptedModel,
  type Draw,
  type ScriptedModel,
} from "../support/scripted-engine.ts";
import type { Tab } from "../support/sync-server.ts";

const waiting = { interval: 5 } as const;
let test: TestDatabase;
let desk: RunDesk;
let model: ScriptedModel;
let tab: Tab;

beforeAll(async () => {
  test = await openTestDatabase();
});
afterEach(() => desk.close());
afterAll(() => test.remove());

interface Scene {
  body: string;
  contextTokens?: number;
  clock?: ManualClock;
  next?: (draw: Draw) => string;
}

/** A desk with an editor's tab, and a run that has written `tokens` tokens and waits there. */
async function openScene(
  { body, clock, ...script }: Scene,
  tokens: number,
  sampling: SamplingInput = {},
) {
  model = createScriptedModel({ contextTokens: 256, ...script });
  desk = await openRunDesk({ database: test.database, body, model, ...(clock ? { clock } : {}) });
  tab = await desk.openTab(desk.editor);
  model.drawBelow(tokens);
  await desk.generation.start(desk.owner, { documentId: desk.documentId, sampling });
  await written(tokens, clock);
}

async function written(tokens: number, clock?: ManualClock) {
  await vi.waitFor(() => {
    clock?.advance(20);
    expect(desk.published.tokens.length).toBe(tokens);
    const end = desk.published.tokens.map((token) => token.text).join("");
    expect(tab.body.toString()).toContain(end.slice(-5));
  }, waiting);
}

async function requests(count: number) {
  await vi.waitFor(() => expect(model.requests.length).toBe(count), waiting);
  return model.requests;
}

/** Resolves once the server has applied all that the tab wrote. */
async function applied() {
  const room = await desk.server.sync.rooms.open(desk.documentId);
  const stateVector = Buffer.from(seenBy(tab), "base64");
  expect(await room.hasSeen(stateVector, 5_000)).toBe(true);
  const text = () => room.doc.getText("body").toString();
  await vi.waitFor(() => expect(text()).toBe(tab.body.toString()), waiting);
  room.release();
}

function words(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, place) => ` word${from + place}`).join("");
}

function replace(from: string, to: string) {
  const place = tab.body.toString().indexOf(from);
  tab.doc.transact(() => {
    tab.body.delete(place, from.length);
    tab.body.insert(place, to, {});
  });
}

describe("an edit inside the prompt", () => {
  it("R4 R5: makes the next token come from the edited text, with the longest common prefix kept", async () => {
    await openScene({ body: "The old king sat still." }, 4);
    replace("king", "queen");
    const [first, second] = await requests(2);
    expect(second).toMatchObject({
      text: `The old queen sat still.${words(0, 4)}`,
      firstIndex: 4,
    });
    const before = [...(first?.prompt ?? []), ...desk.published.tokens.map((token) => token.id)];
    expect(second?.keptTokens).toBe(commonPrefix(first?.prompt ?? [], second?.prompt ?? []));
    expect(commonPrefix(before, second?.prompt ?? [])).toBe(2);
    model.drawBelow(6);
    await written(6);
    expect(await desk.text()).toBe(`The old queen sat still.${words(0, 6)}`);
    expect(desk.published.rereads).toHaveLength(1);
  });

  it("counts re-reads and the kept tokens in the statistics", async () => {
    const clock = new ManualClock();
    await openScene({ body: "One two three four five.", clock }, 2);
    replace("five", "six");
    const [, second] = await requests(2);
    model.drawBelow(3);
    await clock.until(() => desk.published.tokens.length === 3);
    await clock.until(() => desk.published.stats.length > 0);
    expect(desk.published.stats.at(-1)).toMatchObject({
      rereads: 1,
      keptTokens: second?.keptTokens,
      window: null,
    });
    expect(second?.keptTokens).toBe(4);
  });

  it("keeps the ids that the model drew wherever the text is untouched", async () => {
    // Drawn in halves that a tokenizer would never give.
    const halves = [" wo", "rd", " an", "d", " mo", "re"];
    await openScene({ body: "Start here.", next: ({ index }) => halves[index] ?? "!" }, 6);
    replace("Start", "Begin");
    const [, second] = await requests(2);
    expect(second?.prompt.slice(-6)).toEqual(desk.published.tokens.map((token) => token.id));
  });

  it("tokenises the whole word anew where one of its characters changed", async () => {
    const halves = [" wo", "rd", " an", "d", " mo", "re"];
    await openScene({ body: "Start.", next: ({ index }) => halves[index] ?? "!" }, 6);
    replace("an", "in");
    const [, second] = await requests(2);
    const { tokenizer } = model;
    expect(second?.prompt.map((id) => tokenizer.text([id]))).toEqual([
      "Start",
      ".",
      " wo",
      "rd",
      " ind",
      " mo",
      "re",
    ]);
  });

  it("drops tokens that were drawn and not yet written", async () => {
    const clock = new ManualClock();
    await openScene({ body: "A quiet place.", clock }, 1);
    clock.advance(100);
    model.drawBelow(2);
    await written(2);
    model.drawBelow(4);
    await vi.waitFor(() => expect(model.drawn).toBe(4), waiting);
    replace("quiet", "loud");
    const [, second] = await requests(2);
    expect(second).toMatchObject({ text: `A loud place.${words(0, 2)}`, firstIndex: 2 });
    await clock.until(() => desk.published.tokens.length === 4);
    expect(await desk.text()).toBe(`A loud place.${words(0, 4)}`);
    expect(desk.published.tokens.map((token) => token.index)).toEqual([0, 1, 2, 3]);
  });

  it("R4: starts a prefill anew that it comes into", async () => {
    model = createScriptedModel({ contextTokens: 256 });
    desk = await openRunDesk({ database: test.database, body: "Mild weather.", model });
    tab = await desk.openTab(desk.editor);
    model.holdPrefill(true);
    await desk.generation.start(desk.owner, {
      documentId: desk.documentId,
      sampling: { maxTokens: 2 },
    });
    await requests(1);
    replace("Mild", "Wild");
    const [, second] = await requests(2);
    expect(second).toMatchObject({ text: "Wild weather.", firstIndex: 0 });
    model.holdPrefill(false);
    await written(2);
    expect(await desk.text()).toBe(`Wild weather.${words(0, 2)}`);
  });

  it("R3 R4: at once with a pause leaves the run paused, and is read at Resume", async () => {
    await openScene({ body: "Red house.", clock: new ManualClock() }, 2);
    replace("Red", "Blue");
    const paused = await desk.generation.pause(desk.owner, {
      documentId: desk.documentId,
      seen: seenBy(tab),
    });
    expect(paused).toMatchObject({ state: "paused", tokens: 2 });
    const before = model.requests.length;
    model.drawBelow(4);
    expect(await desk.text()).toBe(`Blue house.${words(0, 2)}`);
    expect(model.requests.length).toBe(before);
    await desk.generation.resume(desk.owner, { documentId: desk.documentId });
    expect((await requests(before + 1)).at(-1)?.text).toBe(`Blue house.${words(0, 2)}`);
  });

  it("may take everything away that the model has written", async () => {
    await openScene({ body: "Start." }, 5);
    tab.body.delete(0, tab.body.length - 1);
    await vi.waitFor(() => expect(model.requests.at(-1)?.prompt).toEqual([0]), waiting);
    model.drawBelow(7);
    await written(7);
    expect(await desk.text()).toBe(words(5, 7));
  });
});

describe("an edit elsewhere", () => {
  const long = Array.from({ length: 60 }, (_, place) => `w${place}`).join(" ");

  it("R5: changes nothing before the window", async () => {
    await openScene({ body: long, contextTokens: 32 }, 2);
    expect(model.requests[0]?.text.startsWith("w0")).toBe(false);
    replace("w1 ", "changed ");
    await applied();
    model.drawBelow(4);
    await written(4);
    expect(model.requests).toHaveLength(1);
  });

  it("changes nothing before the window that the engine has moved on meanwhile", async () => {
    await openScene({ body: "zero one two three four five six seven.", contextTokens: 16 }, 30);
    replace("three", "3");
    await applied();
    model.drawBelow(32);
    await written(32);
    expect(model.requests).toHaveLength(1);
    replace("word25", "word");
    const [, second] = await requests(2);
    expect(second?.text.endsWith(" word24 word word26 word27 word28 word29 word30 word31")).toBe(
      true,
    );
    expect(second?.prompt.length).toBeLessThan(16);
  });

  it("R5: changes nothing after the caret", async () => {
    model = createScriptedModel();
    desk = await openRunDesk({ database: test.database, body: "Before. After.", model });
    tab = await desk.openTab(desk.editor);
    model.drawBelow(2);
    await desk.generation.start(desk.owner, {
      documentId: desk.documentId,
      at: "caret",
      caret: caretAfter("Before."),
    });
    await written(2);
    replace("After", "Later");
    await applied();
    model.drawBelow(3);
    await written(3);
    expect(model.requests).toHaveLength(1);
    expect(await desk.text()).toBe(`Before.${words(0, 3)} Later.`);
  });

  it("changes nothing when it is formatting alone", async () => {
    await openScene({ body: "Plain words here." }, 2);
    tab.body.format(0, 5, { bold: true });
    await applied();
    model.drawBelow(4);
    await written(4);
    expect(model.requests).toHaveLength(1);
  });
});

describe("somebody at the caret", () => {
  it("R6: holds the model back until the typing has been quiet, and is in the prompt then", async () => {
    const clock = new ManualClock();
    await openScene({ body: "It was", clock }, 2);
    tab.body.insert(tab.body.length - 1, " he", {});
    await applied();
    model.drawBelow(5);
    clock.advance(500);
    tab.body.insert(tab.body.length - 1, "re", {});
    await applied();
    clock.advance(500);
    expect(await desk.text()).toBe(`It was${words(0, 2)} here`);
    expect(model.requests).toHaveLength(1);
    clock.advance(300);
    const [, second] = await requests(2);
    expect(second).toMatchObject({ text: `It was${words(0, 2)} here`, firstIndex: 2 });
    await clock.until(() => desk.published.tokens.length === 5);
    expect(await desk.text()).toBe(`It was${words(0, 2)} here${words(2, 5)}`);
  });

  it("holds the model back who deletes its last words one by one", async () => {
    const clock = new ManualClock();
    await openScene({ body: "It was", clock }, 2);
    tab.body.delete(tab.body.length - 2, 1);
    await applied();
    clock.advance(600);
    tab.body.delete(tab.body.length - 2, 1);
    await applied();
    clock.advance(600);
    expect(model.requests).toHaveLength(1);
    clock.advance(200);
    expect((await requests(2)).at(-1)?.text).toBe("It was word0 wor");
  });

  it("holds the model back while an input method composes there, and no longer than that", async () => {
    const clock = new ManualClock();
    await openScene({ body: "It was", clock }, 2);
    setCursor(tab.body.length - 1, true);
    await composingSeen(true);
    model.drawBelow(4);
    clock.advance(5_000);
    expect(desk.published.tokens).toHaveLength(2);
    setCursor(tab.body.length - 1, false);
    await composingSeen(false);
    await clock.until(() => desk.published.tokens.length === 4);
    expect(desk.published.rereads).toHaveLength(0);
  });

  it("does not hold the model back who composes elsewhere", async () => {
    await openScene({ body: "It was far away" }, 2);
    setCursor(2, true);
    await composingSeen(true);
    model.drawBelow(4);
    await written(4);
    expect(model.requests).toHaveLength(1);
  });

  it("holds it back for fifteen seconds at most", async () => {
    const clock = new ManualClock();
    await openScene({ body: "It was", clock }, 2);
    setCursor(tab.body.length - 1, true);
    await composingSeen(true);
    model.drawBelow(4);
    clock.advance(14_900);
    expect(desk.published.tokens).toHaveLength(2);
    await clock.until(() => desk.published.tokens.length === 4);
  });
});

function caretAfter(text: string): string {
  const index = tab.body.toString().indexOf(text) + text.length;
  return Buffer.from(
    Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(tab.body, index)),
  ).toString("base64");
}

function setCursor(index: number, composing: boolean) {
  const place = Y.relativePositionToJSON(
    Y.createRelativePositionFromTypeIndex(tab.body, index, -1),
  );
  tab.provider.awareness.setLocalState({ cursor: { anchor: place, head: place }, composing });
}

async function composingSeen(composing: boolean) {
  const room = await desk.server.sync.rooms.open(desk.documentId);
  await vi.waitFor(
    () => expect(room.presence().some((state) => state.composing)).toBe(composing),
    waiting,
  );
  room.release();
}
