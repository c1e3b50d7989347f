import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import type { AuditEvent } from "#shared/admin.ts";
import type { DocumentSummary, Model } from "#shared/http.ts";
import type { AdminModels, ModelCheck, ModelJob } from "#shared/models.ts";
import { addToManifest, makeDefault } from "../../server/model-library/manifest.ts";
import { tinySource } from "../../server/model-library/test-support/model-source.ts";
import { openTestHub, type TestHub } from "../../server/model-library/test-support/test-hub.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type Person, whenText } from "../support/person.ts";

// Adding a model measures it, in processes of their own: seconds, on a starved machine many.
vi.setConfig({ testTimeout: 180_000 });
const waiting = { timeout: 80_000, interval: 50 };
const ownModels = resolve(import.meta.dirname, "../../models");
const repository = "someone/tiny.v1";

let modelsDir: string;
let hub: TestHub;
let app: TestApp;
let admin: Person;
let sponsor: Person;
beforeAll(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), "admin-models-"));
  await cp(join(ownModels, "tales"), join(modelsDir, "tales"), { recursive: true });
  await writeFile(join(modelsDir, "manifest.json"), '{"default":"tales","models":["tales"]}');
  hub = await openTestHub(repository, tinySource());
  await start();
});
afterAll(async () => {
  await app.close();
  await hub.close();
  await rm(modelsDir, { recursive: true });
});

async function start(dataDir?: string): Promise<void> {
  const config = { modelsDir, hub: { url: hub.url, token: undefined } };
  app = await startTestApp({ config: { ...config, ...(dataDir && { dataDir }) } });
  admin = await app.signIn("admin@demo.test");
  sponsor = await app.signIn("sponsor@demo.test");
}

/** Another name for the model that ships. */
async function installTwin(id: string): Promise<void> {
  const folder = join(modelsDir, id);
  await mkdir(folder);
  await cp(join(modelsDir, "tales"), folder, { recursive: true });
  const path = join(folder, "card.json");
  const card = z.looseObject({}).parse(JSON.parse(await readFile(path, "utf8")));
  await writeFile(path, JSON.stringify({ ...card, id, name: id }));
  await addToManifest(modelsDir, id, false);
}

const read = () => admin.json<AdminModels>("GET", "/api/admin/models");
const names = async () => (await read()).models.map(({ id }) => id);

async function add(name: string): Promise<ModelJob> {
  return (await admin.json<{ job: ModelJob }>("POST", "/api/admin/models", { name })).job;
}

async function refusal(method: string, path: string, body?: unknown) {
  const response = await admin.request(method, `/api/admin/models${path}`, body);
  return { status: response.status, ...((await response.json()) as object) };
}

async function events(action: string): Promise<AuditEvent[]> {
  const path = `/api/admin/audit?action=${action}`;
  return (await admin.json<{ events: AuditEvent[] }>("GET", path)).events;
}

async function whenJob(state: ModelJob["state"]): Promise<ModelJob> {
  return vi.waitFor(async () => {
    const [job] = (await read()).jobs;
    if (job?.state !== state) throw new Error(`the job is ${job?.state}: ${job?.problem}`);
    return job;
  }, waiting);
}

describe("E16: an admin adds models", () => {
  test("by name: fetched, converted, listed for everyone, in the audit log", async () => {
    const job = await add(repository);
    expect(job).toMatchObject({ repository, modelId: "tiny.v1" });
    await vi.waitFor(async () => expect(await names()).toEqual(["tales", "tiny.v1"]), waiting);
    const { models } = await read();
    expect(models[1]).toMatchObject({
      id: "tiny.v1",
      licence: "apache-2.0",
      contextTokens: 24,
      default: false,
      liveRuns: 0,
      inUse: 0,
    });
    expect(models[1]?.sizeBytes).toBeGreaterThan(50_000);
    const offered = await sponsor.json<{ models: Model[] }>("GET", "/api/models");
    expect(offered.models.map(({ id }) => id)).toEqual(["tales", "tiny.v1"]);
    await vi.waitFor(
      async () =>
        expect(await events("model.added")).toMatchObject([
          { target: { kind: "model", id: "tiny.v1", name: "tiny.v1" }, details: { repository } },
        ]),
      waiting,
    );
    expect((await read()).jobs).toEqual([]);
  });

  test("not what is there already", async () => {
    expect(await refusal("POST", "", { name: repository })).toMatchObject({
      status: 409,
      error: { code: "model_exists" },
    });
  });

  test.each([
    "https://example.org/gpt2",
    "/etc/passwd",
    "../tales",
    "a/../b",
    "a/b/c",
    "",
    "a b",
    "gpt2?x=1",
    "gpt2#x",
    "a%2fb",
    ".hidden",
    "x--y",
    "\\\\server\\share",
  ])("E15: never by an address or a path: %j", async (name) => {
    expect((await refusal("POST", "", { name })).status).toBe(400);
    expect((await read()).jobs).toEqual([]);
  });

  test("its files are compared with what was imported", async () => {
    const verify = () =>
      admin.json<{ check: ModelCheck }>("POST", "/api/admin/models/tiny.v1/verify");
    const { files, damaged } = (await verify()).check;
    expect(files).toBeGreaterThan(4);
    expect(damaged).toEqual([]);
    const path = join(modelsDir, "tiny.v1", "weights.bin");
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(path, bytes);
    expect((await verify()).check.damaged).toEqual([
      { file: "weights.bin", problem: "it is not what was imported" },
    ]);
  });

  test("an unknown model, another default, and the removal of what is not the default", async () => {
    expect(await refusal("POST", "/none/default")).toMatchObject({ status: 404 });
    expect(await refusal("DELETE", "/..%2f..%2fetc")).toMatchObject({ status: 404 });
    expect(await refusal("DELETE", "/tales")).toMatchObject({
      status: 409,
      error: { code: "model_is_default" },
    });
    await admin.request("POST", "/api/admin/models/tiny.v1/default");
    expect((await read()).models.map((model) => model.default)).toEqual([false, true]);
    await admin.request("POST", "/api/admin/models/tales/default");
    expect(await events("model.default_changed")).toHaveLength(2);
    expect((await admin.request("DELETE", "/api/admin/models/tiny.v1")).status).toBe(204);
    expect(await names()).toEqual(["tales"]);
    expect(await events("model.removed")).toMatchObject([{ target: { id: "tiny.v1" } }]);
  });
});

describe("E16: what is being added can be stopped and gone on with", () => {
  test("after a restart too, from where it was", async () => {
    hub.manners.pauseMs = 100;
    await add(repository);
    await vi.waitFor(async () => {
      const [job] = (await read()).jobs;
      expect(job).toMatchObject({ state: "running", step: "downloading" });
      expect(job?.done).toBeGreaterThan(20_000);
    }, waiting);
    const [running] = (await read()).jobs;
    expect(await refusal("POST", "", { name: repository })).toMatchObject({
      status: 409,
      error: { code: "model_being_added" },
    });
    const { dataDir } = app;
    await app.stop();
    await start(dataDir);
    const stopped = await whenJob("stopped");
    expect(stopped.id).toBe(running?.id);
    hub.manners.pauseMs = 0;
    hub.seen.length = 0;
    await admin.json("POST", `/api/admin/models/jobs/${stopped.id}/resume`);
    await vi.waitFor(async () => expect(await names()).toEqual(["tales", "tiny.v1"]), waiting);
    const ranges = hub.seen
      .filter(({ host }) => host === "content")
      .map(({ headers }) => headers.range);
    expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d+-$/)]);
    await admin.request("DELETE", "/api/admin/models/tiny.v1");
  });

  test("stopped by an admin it stays, discarded it is gone", async () => {
    hub.manners.pauseMs = 100;
    const { id } = await add(repository);
    await vi.waitFor(async () => expect((await read()).jobs[0]?.done).toBeGreaterThan(0), waiting);
    const { job } = await admin.json<{ job: ModelJob }>(
      "POST",
      `/api/admin/models/jobs/${id}/stop`,
    );
    expect(job.state).toBe("stopped");
    expect((await admin.request("DELETE", `/api/admin/models/jobs/${id}`)).status).toBe(204);
    expect((await read()).jobs).toEqual([]);
    expect(await refusal("POST", `/jobs/${id}/resume`)).toMatchObject({ status: 404 });
    hub.manners.pauseMs = 0;
  });

  test("of a name that the hub does not know nothing stays on the disk", async () => {
    const { id } = await add("someone/unknown");
    expect((await whenJob("failed")).problem).toContain("has no model someone/unknown");
    expect(await readdir(join(modelsDir, ".downloads"))).toEqual([]);
    expect((await admin.request("DELETE", `/api/admin/models/jobs/${id}`)).status).toBe(204);
    expect((await read()).jobs).toEqual([]);
  });

  test("one that fails says why, waits for a person, and the next goes on", async () => {
    hub.manners.announced = { "model.safetensors": { sha256: "0".repeat(64) } };
    await add(repository);
    expect((await whenJob("failed")).problem).toContain("SHA-256");
    hub.manners.announced = {};
    const [failed] = (await read()).jobs;
    await admin.json("POST", `/api/admin/models/jobs/${failed?.id}/resume`);
    await vi.waitFor(async () => expect(await names()).toContain("tiny.v1"), waiting);
    await admin.request("DELETE", "/api/admin/models/tiny.v1");
  });
});

test("E7: a model whose card is damaged is shown all the same, and can be removed", async () => {
  await installTwin("damaged");
  await vi.waitFor(async () => expect(await names()).toContain("damaged"), waiting);
  await writeFile(join(modelsDir, "damaged", "card.json"), "{}");
  const shown = (await read()).models.find(({ id }) => id === "damaged");
  expect(shown).toMatchObject({ installed: true, quality: null });
  expect(shown?.problem).toMatch(/no readable card\.json: of its fields .* Remove the model/);
  await vi.waitFor(async () => expect(await offered()).toEqual(["tales"]), waiting);
  const chosen = await admin.request("POST", "/api/admin/models/damaged/default");
  expect(chosen.status).toBe(409);
  expect(await chosen.json()).toMatchObject({ error: { code: "model_damaged" } });
  expect((await admin.request("DELETE", "/api/admin/models/damaged")).status).toBe(204);
  expect(await names()).not.toContain("damaged");
});

const offered = async () =>
  (await sponsor.json<{ models: Model[] }>("GET", "/api/models")).models.map(({ id }) => id);

test("E34: a server whose default model is damaged starts, refuses its runs in words, and writes with the others", async () => {
  await installTwin("whole");
  const path = join(modelsDir, "tales", "card.json");
  const card = await readFile(path, "utf8");
  await writeFile(path, "{");
  const { dataDir } = app;
  await app.stop();
  await start(dataDir);
  expect((await fetch(`${app.url}/readyz`)).status).toBe(503);
  const rows = (await read()).models.map(({ id, problem, available }) => ({
    id,
    problem,
    available,
  }));
  expect(rows).toEqual([
    { id: "whole", problem: null, available: true },
    { id: "tales", problem: expect.stringContaining("it is not JSON"), available: false },
  ]);
  expect(await offered()).toEqual(["whole"]);
  const made = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body: "Once.",
  });
  const documentId = made.document.id;
  const socket = sponsor.socket();
  const sampling = { maxTokens: 2, minTokens: 2, seed: 7 };
  const refused = await socket.emitWithAck("run:start", { documentId, sampling });
  expect(refused).toMatchObject({ ok: false, code: "unavailable" });
  expect(JSON.stringify(refused)).toContain("Choose another model, or ask an admin");
  expect(JSON.stringify(refused)).not.toContain(modelsDir);
  const other = { documentId, model: "whole", sampling };
  expect(await socket.emitWithAck("run:start", other)).toMatchObject({ ok: true });
  socket.close();
  await writeFile(path, card);
  await vi.waitFor(async () => expect(await offered()).toEqual(["tales", "whole"]), waiting);
  await admin.request("DELETE", "/api/admin/models/whole", { force: true });
});

test("E16: a model that took another's name within one look is noticed", async () => {
  await installTwin("changed");
  await vi.waitFor(async () => expect(await names()).toContain("changed"), waiting);
  const folder = join(modelsDir, "changed");
  const path = join(folder, "card.json");
  const card = z.looseObject({}).parse(JSON.parse(await readFile(path, "utf8")));
  await writeFile(path, JSON.stringify({ ...card, name: "Another one" }));
  await vi.waitFor(async () => {
    const shown = (await read()).models.find(({ id }) => id === "changed");
    expect(shown?.name).toBe("Another one");
  }, waiting);
  expect((await admin.request("DELETE", "/api/admin/models/changed")).status).toBe(204);
});

test("E16: what another process does is seen within seconds", async () => {
  await installTwin("twin");
  await vi.waitFor(async () => expect(await names()).toEqual(["tales", "twin"]), waiting);
  await makeDefault(modelsDir, "twin");
  await vi.waitFor(
    async () => expect((await read()).models.map((model) => model.default)).toEqual([false, true]),
    waiting,
  );
  await makeDefault(modelsDir, "tales");
  await vi.waitFor(
    async () => expect((await read()).models.map((model) => model.default)).toEqual([true, false]),
    waiting,
  );
});

test("E17: a model with live runs goes only when an admin insists; they pause, their text stays, and another Start chooses another model", async () => {
  const body = "Once upon a time there was a mill by the river.";
  const { document } = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body,
  });
  const documentId = document.id;
  const copy = sponsor.open(documentId);
  const socket = sponsor.socket();
  try {
    await whenText(copy, (text) => text === body);
    const sampling = { maxTokens: null, seed: 7 };
    const started = await socket.emitWithAck("run:start", { documentId, model: "twin", sampling });
    expect(started).toMatchObject({ ok: true, run: { model: "twin" } });
    await whenText(copy, (text) => text.length > body.length + 20);
    expect((await read()).models[1]).toMatchObject({ id: "twin", liveRuns: 1 });
    expect(await refusal("DELETE", "/twin")).toMatchObject({
      status: 409,
      error: { code: "model_in_use", details: { liveRuns: 1 } },
    });
    const forced = await admin.request("DELETE", "/api/admin/models/twin", { force: true });
    expect(forced.status).toBe(204);
    const run = () =>
      sponsor.json<{ document: DocumentSummary }>("GET", `/api/documents/${documentId}`);
    await vi.waitFor(
      async () =>
        expect((await run()).document.run).toMatchObject({
          state: "paused",
          reason: "engine_lost",
        }),
      waiting,
    );
    expect(copy.text().startsWith(body)).toBe(true);
    expect(await socket.emitWithAck("run:resume", { documentId })).toMatchObject({
      ok: false,
      code: "not_found",
      message: expect.stringContaining("twin"),
    });
    await socket.emitWithAck("run:stop", { documentId });
    const length = copy.text().length;
    expect(
      await socket.emitWithAck("run:start", { documentId, model: "tales", sampling }),
    ).toMatchObject({ ok: true, run: { model: "tales" } });
    await whenText(copy, (text) => text.length > length);
    await socket.emitWithAck("run:stop", { documentId });
  } finally {
    socket.close();
    copy.close();
  }
});
