import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  app = await startTestApp({ loadsModelAhead: true });
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

/** While somebody types at its caret. */
async function standsStill({ tokens }: Scene): Promise<void> {
  const stood = async () => {
    const { length } = tokens;
    await new Promise((later) => setTimeout(later, 200));
    expect(tokens.length).toBe(length);
  };
  await vi.waitFor(stood, waiting);
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

test("E8 E12 R7 R8: a lost engine pauses its runs within a second with their text intact, is back within ten, and nobody else notices", async () => {
  const [one, two, quiet] = [await openScene(), await openScene(), await openScene()];
  await Promise.all([start(one), start(two)]);
  // A busy machine may hold up a round, not each.
  const [pausedMs, backMs]: [number[], number[]] = [[], []];
  for (let round = 0; round < 3; round++) {
    await Promise.all([moreTokens(one), moreTokens(two)]);
    const lostAtMs = performance.now();
    await workers.killNewest();
    await Promise.all([pausedAsLost(one), pausedAsLost(two)]);
    pausedMs.push(performance.now() - lostAtMs);
    // Nobody asks for a model: it comes back all the same.
    await vi.waitFor(async () => expect((await readiness()).ok).toBe(true), waiting);
    backMs.push(performance.now() - lostAtMs);
    await Promise.all([expectWhole(one), expectWhole(two)]);
    quiet.copy.body.insert(0, "x", {});
    const other = sponsor.open(quiet.documentId);
    await whenText(other, (text) => text === `${"x".repeat(round + 1)}${beginning}`);
    other.close();
    for (const { documentId } of [one, two]) {
      expect(await socket.emitWithAck("run:resume", { documentId })).toMatchObject({ ok: true });
    }
    await Promise.all([moreTokens(one), moreTokens(two)]);
  }
  expect(Math.min(...pausedMs)).toBeLessThan(1_000);
  expect(Math.min(...backMs)).toBeLessThan(10_000);
  for (const scene of [one, two]) {
    await socket.emitWithAck("run:stop", { documentId: scene.documentId });
    await expectWhole(scene);
  }
});

test("E8 E12 R6: a run that yields to a person while its engine is lost goes on by itself, and one at work pauses", async () => {
  const [written, yielding] = [await openScene(), await openScene()];
  await Promise.all([start(written), start(yielding)]);
  await Promise.all([moreTokens(written), moreTokens(yielding)]);
  const { body } = yielding.copy;
  const typing = setInterval(() => body.insert(body.length - 1, "x", {}), 50);
  try {
    await standsStill(yielding);
    await workers.killNewest();
    await pausedAsLost(written);
  } finally {
    clearInterval(typing);
  }
  await moreTokens(yielding);
  expect(yielding.states.map(({ state }) => state)).not.toContain("paused");
  await expectWhole(written);
  for (const { documentId } of [written, yielding]) {
    expect(await socket.emitWithAck("run:stop", { documentId })).toMatchObject({ ok: true });
  }
});

test("E8 E12: while the engine is away readiness says so, and a command waits for it; one that dies while it is started refuses it, and the next one is answered", async () => {
  const scene = await openScene();
  await vi.waitFor(async () => expect((await readiness()).ok).toBe(true), waiting);
  const started = workers.count();
  await workers.killNewest();
  expect(await (await readiness()).json()).toMatchObject({ checks: { model: false } });
  const answer = socket.emitWithAck("run:start", { documentId: scene.documentId });
  await vi.waitFor(() => expect(workers.count()).toBe(started + 1), waiting);
  await workers.killNewest();
  expect(await answer).toMatchObject({ ok: false, code: "unavailable" });
  await start(scene);
  await moreTokens(scene);
  await socket.emitWithAck("run:stop", { documentId: scene.documentId });
  await expectWhole(scene);
});

test("E11: a model that is removed under its runs pauses them; Resume says that it is gone, and another can be started", async () => {
  const modelsDir = await copyModelTwice();
  const own = await startTestApp({ config: { modelsDir } });
  const owner = await own.signIn("sponsor@demo.test");
  const admin = await own.signIn("admin@demo.test");
  const line = owner.socket();
  try {
    const { document } = await owner.json<{ document: DocumentSummary }>("POST", "/api/documents", {
      title: "T",
      body: beginning,
    });
    const documentId = document.id;
    const states: Run[] = [];
    const written: RunToken[] = [];
    line.on("run:state", ({ run }) => states.push(run));
    line.on("run:tokens", ({ tokens }) => written.push(...tokens));
    await line.emitWithAck("document:join", { documentId });
    const sampling = { maxTokens: null, seed: 5 };
    const begun = await line.emitWithAck("run:start", { documentId, model: "other", sampling });
    expect(begun).toMatchObject({ ok: true, run: { model: "other" } });
    await vi.waitFor(() => expect(written.length).toBeGreaterThan(5), waiting);
    const removed = await admin.request("DELETE", "/api/admin/models/other", { force: true });
    expect(removed.status, await removed.text()).toBeLessThan(300);
    await vi.waitFor(
      () => expect(states.at(-1)).toMatchObject({ state: "paused", reason: "engine_lost" }),
      waiting,
    );
    const resumed = await line.emitWithAck("run:resume", { documentId });
    expect(resumed).toMatchObject({ ok: false, code: "not_found" });
    expect(JSON.stringify(resumed)).toContain('There is no model called \\"other\\"');
    const text = await (await owner.request("GET", `/api/documents/${documentId}/text`)).text();
    expect(text).toBe(beginning + written.map((token) => token.text).join(""));
    await line.emitWithAck("run:stop", { documentId });
    const next = await line.emitWithAck("run:start", { documentId, sampling: { maxTokens: 3 } });
    expect(next).toMatchObject({ ok: true, run: { model: "tales" } });
    await vi.waitFor(() => expect(states.at(-1)?.state).toBe("finished"), waiting);
  } finally {
    line.close();
    await own.close();
    await rm(modelsDir, { recursive: true });
  }
});

const readiness = () => fetch(`${app.url}/readyz`);

/** The shipped model under two names; the first is the default. */
async function copyModelTwice(): Promise<string> {
  const shipped = join(import.meta.dirname, "../../models");
  const folder = await mkdtemp(join(tmpdir(), "models-"));
  await cp(join(shipped, "tales"), join(folder, "tales"), { recursive: true });
  await cp(join(shipped, "tales"), join(folder, "other"), { recursive: true });
  const card: unknown = JSON.parse(await readFile(join(shipped, "tales/card.json"), "utf8"));
  await writeFile(
    join(folder, "other/card.json"),
    JSON.stringify({ ...Object(card), id: "other" }),
  );
  const manifest = { default: "tales", models: ["tales", "other"] };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}
