import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Health } from "#shared/admin.ts";
import type { DocumentSummary, Model } from "#shared/http.ts";
import type { Run } from "#shared/run.ts";
import type { RunToken } from "#shared/socket-events.ts";
import {
  type EngineSettings,
  noEngineSettings,
  type RemoteEngineSettings,
} from "../../server/config/engines-file.ts";
import { createEngine } from "../../server/inference/create-engine.ts";
import type { LoadedModel } from "../../server/inference/engine.ts";
import { talesCard, talesFolder } from "../../server/inference/test-support/tales.ts";
import { loadTokenizer } from "../../server/inference/tokenizer.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type CompletionsServer, startCompletionsServer } from "../support/completions-server.ts";
import { watchEngineWorkers } from "../support/engine-workers.ts";
import type { LiveSocket, Person } from "../support/person.ts";

const beginning = "The lighthouse keeper told the children a story.";
const waiting = { timeout: 20_000, interval: 10 };

let model: LoadedModel;
let near: CompletionsServer;
let far: CompletionsServer;
let app: TestApp | undefined;
let sponsor: Person;
let socket: LiveSocket;
beforeAll(async () => {
  const tokenizer = await loadTokenizer(talesFolder, talesCard.endOfTextId);
  model = { engine: await createEngine({ modelFolder: talesFolder }), tokenizer };
  near = await startCompletionsServer(model, { apiKey: "near-key" });
  far = await startCompletionsServer(model);
});
afterAll(async () => {
  await near.stop();
  await far.stop();
  await model.engine.close();
});
afterEach(async () => {
  socket.close();
  await app?.close();
});

const settings = (name: string, { url }: CompletionsServer): RemoteEngineSettings => ({
  name,
  model: "tales",
  url,
  kind: "palimpsest",
  remoteModel: "tales",
  apiKey: name === "near" ? "near-key" : undefined,
  places: 2,
  prompt: "tokens",
  connectTimeoutMs: 5_000,
  firstTokenTimeoutMs: 20_000,
  tokenTimeoutMs: 20_000,
});

interface Scene {
  documentId: string;
  states: { run: Run; atMs: number }[];
  tokens: RunToken[];
}

async function open(engines: Partial<EngineSettings>): Promise<Scene> {
  app = await startTestApp({
    loadsModelAhead: true,
    config: { engines: { ...noEngineSettings, ...engines } },
  });
  sponsor = await app.signIn("sponsor@demo.test");
  socket = sponsor.socket();
  const { document } = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body: beginning,
  });
  const scene: Scene = { documentId: document.id, states: [], tokens: [] };
  socket.on("run:state", ({ run }) => scene.states.push({ run, atMs: performance.now() }));
  socket.on("run:tokens", ({ tokens }) => scene.tokens.push(...tokens));
  const { documentId } = scene;
  expect(await socket.emitWithAck("document:join", { documentId })).toMatchObject({ ok: true });
  return scene;
}

async function moreTokens(scene: Scene): Promise<void> {
  const { length } = scene.tokens;
  await vi.waitFor(() => expect(scene.tokens.length).toBeGreaterThan(length + 5), waiting);
}

const sampling = { maxTokens: null, seed: 5 };
const paused = { state: "paused", reason: "engine_lost" };

async function text({ documentId }: Scene): Promise<string> {
  return (await sponsor.request("GET", `/api/documents/${documentId}/text`)).text();
}

test("E12 E13 R8: an engine that dies in mid-stream pauses its run within seconds, and Resume goes on elsewhere", async () => {
  const workers = watchEngineWorkers();
  const engines = [settings("near", near), settings("far", far)];
  const scene = await open({ engines, remoteOnly: ["tales"] });
  const { documentId } = scene;
  await vi.waitFor(async () => {
    const { health } = await readHealth();
    expect(health.engines.map(({ available }) => available)).toEqual([true, true]);
  }, waiting);
  expect(workers.count()).toBe(0);
  expect(await socket.emitWithAck("run:start", { documentId, sampling })).toMatchObject({
    ok: true,
  });
  await moreTokens(scene);
  expect([near.requests.length > 0, far.requests.length]).toEqual([true, 0]);
  const lostAtMs = performance.now();
  await near.stop();
  await vi.waitFor(() => expect(scene.states.at(-1)?.run).toMatchObject(paused), waiting);
  expect((scene.states.at(-1)?.atMs ?? Infinity) - lostAtMs).toBeLessThan(5_000);
  expect(await text(scene)).toBe(beginning + scene.tokens.map((token) => token.text).join(""));
  const { health } = await readHealth();
  expect(health.model.ready).toBe(true);
  expect(health.engines).toMatchObject([
    { name: "near", available: false, failures: 1, sequences: 0 },
    { name: "far", available: true },
  ]);
  expect(await socket.emitWithAck("run:resume", { documentId })).toMatchObject({ ok: true });
  await moreTokens(scene);
  expect(far.requests.length).toBeGreaterThan(0);
  await socket.emitWithAck("run:stop", { documentId });
  expect(scene.tokens.map(({ index }) => index)).toEqual(scene.tokens.map((_, place) => place));
  expect(await text(scene)).toBe(beginning + scene.tokens.map((token) => token.text).join(""));
  await near.start();
  await vi.waitFor(
    async () => expect((await readHealth()).health.engines[0]?.available).toBe(true),
    waiting,
  );
  workers.stop();
});

test("E13: a model of which only the tokenizer lies here is written with by others", async () => {
  const { contextTokens, vocabularySize, endOfTextId, parameters } = talesCard;
  const scene = await open({
    engines: [{ ...settings("far", far), model: "tales-far" }],
    models: [
      {
        id: "tales-far",
        name: "Tales, far away",
        folder: talesFolder,
        contextTokens,
        vocabularySize,
        endOfTextId,
        parameters,
      },
    ],
  });
  const { documentId } = scene;
  const { models } = await sponsor.json<{ models: { id: string }[] }>("GET", "/api/models");
  expect(models.map(({ id }) => id)).toContain("tales-far");
  const start = { documentId, model: "tales-far", sampling: { maxTokens: 12, minTokens: 12 } };
  expect(await socket.emitWithAck("run:start", start)).toMatchObject({ ok: true });
  await vi.waitFor(() => expect(scene.states.at(-1)?.run.state).toBe("finished"), waiting);
  expect(scene.tokens).toHaveLength(12);
});

test("E13: where no engine answers, the server starts, says that it is not ready, and refuses runs in words", async () => {
  await far.stop();
  const scene = await open({ engines: [settings("far", far)], remoteOnly: ["tales"] });
  expect((await fetch(`${app?.url}/readyz`)).status).toBe(503);
  const answer = await socket.emitWithAck("run:start", { documentId: scene.documentId });
  expect(answer).toMatchObject({ ok: false, code: "unavailable" });
  expect(JSON.stringify(answer)).toContain("far cannot be used now");
  expect(await availability()).toEqual({ tales: false });
  await far.start();
  await vi.waitFor(
    async () => expect((await fetch(`${app?.url}/readyz`)).status).toBe(200),
    waiting,
  );
});

test("E34: that the only engine of a model is away is told before anybody starts a run, and when it is back", async () => {
  await far.stop();
  const { contextTokens, vocabularySize, endOfTextId, parameters } = talesCard;
  const about = { contextTokens, vocabularySize, endOfTextId, parameters };
  await open({
    engines: [{ ...settings("far", far), model: "tales-far" }],
    models: [{ id: "tales-far", name: "Tales, far away", folder: talesFolder, ...about }],
  });
  const isFarThere = async () => (await availability())["tales-far"];
  await vi.waitFor(async () => expect(await isFarThere()).toBe(false), waiting);
  expect(await availability()).toEqual({ tales: true, "tales-far": false });
  await far.start();
  await vi.waitFor(async () => expect(await isFarThere()).toBe(true), waiting);
});

/** What everybody may know of the models. */
async function availability(): Promise<Record<string, boolean>> {
  const { models } = await sponsor.json<{ models: Model[] }>("GET", "/api/models");
  return Object.fromEntries(models.map(({ id, available }) => [id, available]));
}

async function readHealth(): Promise<{ health: Health }> {
  if (app === undefined) throw new Error("no app");
  const admin = await app.signIn("admin@demo.test");
  return admin.json("GET", "/api/admin/health");
}
