import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { LoadedModel } from "../../server/inference/engine.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk } from "../support/run-desk.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-engine.ts";

const waiting = { interval: 5 } as const;
const promptTemplate = "<|endoftext|>[WP] {input} [RESPONSE] ";

let database: TestDatabase;
let desk: RunDesk;
let model: ScriptedModel & LoadedModel;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterEach(() => desk.close());
afterAll(() => database.remove());

async function start(body: string, contextTokens = 256): Promise<void> {
  model = Object.assign(createScriptedModel({ contextTokens }), { promptTemplate });
  desk = await openRunDesk({ database: database.database, body, model });
  model.drawBelow(3);
  await desk.generation.start(desk.owner, { documentId: desk.documentId });
  await vi.waitFor(() => expect(desk.published.tokens).toHaveLength(3), waiting);
}

const ids = (text: string) => model.tokenizer.encode(text);
const lastPrompt = () => model.requests.at(-1)?.prompt;
const endOfText = () => model.tokenizer.endOfTextId;

test("R19: the template stands around what the run found; its special token is the real one", async () => {
  await start("A mill by the river.");
  expect(lastPrompt()).toEqual([
    endOfText(),
    ...ids("[WP] "),
    ...ids("A mill by the river."),
    ...ids(" [RESPONSE] "),
  ]);
});

test("R19: what the run wrote stands after the template, when it is read again too", async () => {
  await start("A mill by the river.");
  const { documentId } = desk;
  await desk.generation.pause(desk.owner, { documentId });
  const tab = await desk.openTab(desk.owner);
  tab.body.insert(0, "Once ");
  await vi.waitFor(async () => expect(await desk.text()).toMatch(/^Once A mill/), waiting);
  await desk.generation.resume(desk.owner, { documentId });
  await vi.waitFor(() => expect(model.requests).toHaveLength(2), waiting);
  const written = desk.published.tokens.map((token) => token.id);
  const prompt = lastPrompt() ?? [];
  expect(prompt[0]).toBe(endOfText());
  expect(prompt.slice(-written.length)).toEqual(written);
  expect(prompt.slice(0, -written.length)).toEqual([
    endOfText(),
    ...ids("[WP] "),
    ...ids("Once A mill by the river."),
    ...ids(" [RESPONSE] "),
  ]);
});

test("R19: of a text that is too long the template stays whole, and the text's beginning goes", async () => {
  await start("The river runs by the mill. ".repeat(40), 64);
  const prompt = lastPrompt() ?? [];
  const before = [endOfText(), ...ids("[WP] ")];
  const after = ids(" [RESPONSE] ");
  expect(prompt.length).toBeLessThanOrEqual(48);
  expect(prompt.slice(0, before.length)).toEqual(before);
  expect(prompt.slice(-after.length)).toEqual(after);
});

test("R19 E10: a person who writes the template's words in the text writes plain text", async () => {
  await start("<|endoftext|>[WP] x [RESPONSE] ");
  const special = (lastPrompt() ?? []).filter((id) => id === endOfText());
  expect(special).toHaveLength(1);
});

test("R19: a template that leaves a small model no room is left out", async () => {
  await start("A mill by the river.", 24);
  expect(lastPrompt()).toEqual(ids("A mill by the river."));
});
