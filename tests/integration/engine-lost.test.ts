import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DocumentSummary } from "#shared/http.ts";
import type { Run } from "#shared/run.ts";
import type { RunToken } from "#shared/socket-events.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { watchEngineWorkers } from "../support/engine-workers.ts";
import { type LiveSocket, type OpenCopy, type Person, whenText } from "../support/person.ts";

const beginning = "The lighthouse keeper told the children a story.";
const waiting = { timeout: 15_000, interval: 10 };
const workers = watchEngineWorkers();

let app: TestApp;
let sponsor: Person;
let socket: LiveSocket;
beforeAll(async () => {
  app = await startTestApp();
  sponsor = await app.signIn("sponsor@demo.test");
  socket = sponsor.socket();
  socket.on("run:state", ({ documentId, run }) => scenes.get(documentId)?.states.push(run));
  socket.on("run:tokens", ({ documentId, tokens }) =>
    scenes.get(documentId)?.tokens.push(...tokens),
  );
});
afterAll(async () => {
  workers.stop();
  socket.close();
  for (const { copy } of scenes.values()) copy.close();
  await app.close();
});

interface Scene {
  documentId: string;
  copy: OpenCopy;
  tokens: RunToken[];
  states: Run[];
}
const scenes = new Map<string, Scene>();

async function openScene(): Promise<Scene> {
  const answer = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body: beginning,
  });
  const documentId = answer.document.id;
  const copy = sponsor.open(documentId);
  await whenText(copy, (text) => text === beginning);
  const scene: Scene = { documentId, copy, tokens: [], states: [] };
  scenes.set(documentId, scene);
  expect(await socket.emitWithAck("document:join", { documentId })).toMatchObject({ ok: true });
  return scene;
}

async function start({ documentId }: Scene): Promise<void> {
  const answer = await socket.emitWithAck("run:start", {
    documentId,
    sampling: { maxTokens: null, seed: 5 },
  });
  expect(answer).toMatchObject({ ok: true });
}

async function moreTokens(scene: Scene): Promise<void> {
  const { length } = scene.tokens;
  await vi.waitFor(() => expect(scene.tokens.length).toBeGreaterThan(length + 5), waiting);
}

async function pausedAsLost({ states }: Scene): Promise<void> {
  await vi.waitFor(
    () => expect(states.at(-1)).toMatchObject({ state: "paused", reason: "engine_lost" }),
    waiting,
  );
}

async function expectWhole({ copy, tokens }: Scene): Promise<void> {
  expect(tokens.map(({ index }) => index)).toEqual(tokens.map((_, place) => place));
  const text = `${beginning}${tokens.map((token) => token.text).join("")}`;
  await vi.waitFor(() => expect(copy.text()).toBe(text), waiting);
}

test("E8 R7 R8: a lost engine pauses the runs with their text intact; Resume goes on with a new one, and nobody else notices", async () => {
  const [one, two, quiet] = [await openScene(), await openScene(), await openScene()];
  await Promise.all([start(one), start(two)]);
  for (let round = 0; round < 3; round++) {
    await Promise.all([moreTokens(one), moreTokens(two)]);
    await workers.killNewest();
    await Promise.all([pausedAsLost(one), pausedAsLost(two)]);
    await Promise.all([expectWhole(one), expectWhole(two)]);
    quiet.copy.body.insert(0, "x", {});
    const other = sponsor.open(quiet.documentId);
    await whenText(other, (text) => text === `${"x".repeat(round + 1)}${beginning}`);
    other.close();
    const began = performance.now();
    for (const { documentId } of [one, two]) {
      expect(await socket.emitWithAck("run:resume", { documentId })).toMatchObject({ ok: true });
    }
    await Promise.all([moreTokens(one), moreTokens(two)]);
    expect(performance.now() - began).toBeLessThan(5_000);
  }
  for (const scene of [one, two]) {
    await socket.emitWithAck("run:stop", { documentId: scene.documentId });
    await expectWhole(scene);
  }
});

test("E8: an engine that dies while it is loaded refuses the command, and the next one loads it again", async () => {
  const scene = await openScene();
  await workers.killNewest();
  const started = workers.count();
  const answer = socket.emitWithAck("run:start", { documentId: scene.documentId });
  await vi.waitFor(() => expect(workers.count()).toBe(started + 1), waiting);
  await workers.killNewest();
  expect(await answer).toMatchObject({ ok: false, code: "unavailable" });
  await start(scene);
  await moreTokens(scene);
  await socket.emitWithAck("run:stop", { documentId: scene.documentId });
  await expectWhole(scene);
});
