import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defaultSampling } from "#shared/sampling.ts";
import { watchEngineWorkers } from "../../tests/support/engine-workers.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { AppError, UnavailableError } from "../errors.ts";
import type { Engine } from "../inference/engine.ts";
import { readModelCard } from "../inference/model-card.ts";
import { request, take } from "../inference/test-support/create-engine-contract.ts";
import type { Clock } from "../jobs/clock.ts";
import { createLogger } from "../observability/logger.ts";
import { readFreeBytes } from "./memory-check.ts";
import { createModelLibrary, type ModelLibrary } from "./model-library.ts";

const shipped = join(import.meta.dirname, "../../models");
const logger = createLogger("silent");
let library: ModelLibrary | undefined;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "models-"));
});
afterEach(async () => {
  await library?.close();
  library = undefined;
  await rm(folder, { recursive: true });
});
const open = (modelsDir: string, clock?: Clock) =>
  (library = createModelLibrary({ modelsDir, logger, ...(clock ? { clock } : {}) }));

test("the model that ships is listed, and writes on a fresh machine", async () => {
  const models = open(shipped);
  expect(models.list()).toEqual([
    {
      id: "tales",
      name: "tales",
      parameters: 3_554_304,
      contextTokens: 512,
      precision: "int8-block32",
      default: true,
      available: true,
    },
  ]);
  const { engine, tokenizer } = await models.load();
  expect(models.ready()).toBe(true);
  const prompt = tokenizer.encode("Once upon a time");
  const sampling = { ...defaultSampling, seed: 1, maxTokens: 5, minTokens: 5 };
  const ids: number[] = [];
  for await (const { id } of engine.open().generate({ prompt, firstIndex: 0, sampling }))
    ids.push(id);
  expect(ids).toHaveLength(5);
});

test("a model is loaded once, however many ask for it at once, by name or by default", async () => {
  const models = open(shipped);
  const [first, second, third] = await Promise.all([
    models.load(),
    models.load("tales"),
    models.load(),
  ]);
  expect(second).toBe(first);
  expect(third).toBe(first);
});

test("E8: a lost engine is started anew by itself; readiness tells, and what was open goes on there", async () => {
  const workers = watchEngineWorkers();
  const models = open(shipped);
  const { engine } = await models.load();
  const sequence = engine.open();
  await take(sequence.generate(request([1])), 2);
  const generation = sequence.generate(request([1]))[Symbol.asyncIterator]();
  await generation.next();
  await workers.killNewest();
  await expect(generation.next()).rejects.toThrow(UnavailableError);
  expect(models.ready()).toBe(false);
  await vi.waitFor(() => expect(models.ready()).toBe(true), { timeout: 10_000 });
  expect(workers.count()).toBe(2);
  expect((await models.load()).engine).toBe(engine);
  expect(await take(sequence.generate(request([1])), 2)).toHaveLength(2);
  workers.stop();
});

test("an unknown model is a 404 no_such_model, and so is any where none is installed", async () => {
  await expect(open(shipped).load("gpt9")).rejects.toMatchObject({
    code: "no_such_model",
    status: 404,
  });
  await library?.close();
  const empty = open(folder);
  expect(empty.list()).toEqual([]);
  expect(empty.ready()).toBe(false);
  await expect(empty.load()).rejects.toThrow("models import");
});

test("a default model that cannot be loaded makes the library not ready, until it can", async () => {
  await cp(shipped, folder, { recursive: true });
  await rm(join(folder, "tales/weights.bin"));
  const models = open(folder);
  await expect(models.load()).rejects.toThrow(AppError);
  expect(models.ready()).toBe(false);
  await cp(join(shipped, "tales/weights.bin"), join(folder, "tales/weights.bin"));
  await models.load();
  expect(models.ready()).toBe(true);
});

test("a manifest that cannot be read is refused by its path", async () => {
  await writeFile(join(folder, "manifest.json"), "[]");
  expect(() => open(folder)).toThrow(join(folder, "manifest.json"));
});

test.each([
  ["is gone", undefined, "it is missing"],
  ["is half written", '{"id": "oth', "it is not JSON"],
  ["is hostile", '{"contextTokens": 1e300, "graphs": [{"file": "/etc/passwd"}]}', "its fields"],
  ["has no end", " ".repeat(2 ** 21), "it is no card"],
])(
  "E34: a model whose card %s is told by its reason, and the others write",
  async (_, card, why) => {
    await copyTwice();
    const path = join(folder, "other", "card.json");
    if (card === undefined) await rm(path);
    else await writeFile(path, card);
    const models = open(folder);
    expect(models.list().map(({ id }) => id)).toEqual(["tales"]);
    const [unusable] = models.unusable();
    expect(unusable).toMatchObject({ id: "other", default: false });
    expect(unusable?.problem).toContain(why);
    expect(unusable?.problem).toContain("Remove the model and add it again");
    await expect(models.load("other")).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining('"other" cannot be used now'),
    });
    await expect(models.load("other")).rejects.not.toThrow(folder);
    expect(await take((await models.load()).engine.open().generate(request([1])), 1)).toHaveLength(
      1,
    );
  },
);

test("E34: a default model whose card cannot be read is not ready and refused, until it is mended", async () => {
  await copyTwice();
  const path = join(folder, "tales", "card.json");
  const card = await readFile(path, "utf8");
  await writeFile(path, "{}");
  const models = open(folder);
  await expect(models.load()).rejects.toThrow('"tales" cannot be used now');
  expect(models.ready()).toBe(false);
  expect(models.unusable()).toMatchObject([{ id: "tales", default: true }]);
  await writeFile(path, card);
  models.refresh();
  await models.load();
  expect(models.ready()).toBe(true);
  expect(models.unusable()).toEqual([]);
});

/** The shipped model twice, under two names; the first is the default. */
async function copyTwice(): Promise<void> {
  await cp(shipped, folder, { recursive: true });
  await cp(join(shipped, "tales"), join(folder, "other"), { recursive: true });
  const card: unknown = JSON.parse(await readFile(join(shipped, "tales/card.json"), "utf8"));
  await writeCard("other", { ...Object(card), id: "other" });
  await writeManifest(["tales", "other"]);
}
const writeCard = (id: string, card: object) =>
  writeFile(join(folder, id, "card.json"), JSON.stringify(card));
const writeManifest = (models: string[]) =>
  writeFile(join(folder, "manifest.json"), JSON.stringify({ default: "tales", models }));

/** A generation in a sequence of its own. */
function begin(engine: Engine) {
  const generation = engine.open().generate(request([1]));
  return generation[Symbol.asyncIterator]();
}

test("E11: several models write at once; one that nobody uses is unloaded, the default and what is used stay", async () => {
  await copyTwice();
  const clock = new ManualClock();
  const models = open(folder, clock);
  const [tales, other] = await Promise.all([models.load(), models.load("other")]);
  const [ours, theirs] = await Promise.all(
    [tales, other].map(({ engine }) => take(engine.open().generate(request([1])), 3)),
  );
  expect(theirs).toEqual(ours);
  const held = other.engine.open();
  expect([models.usage("tales"), models.usage("other"), models.usage("none")]).toEqual([1, 2, 0]);
  clock.advance(60 * 60_000);
  expect(await take(held.generate(request([1])), 1)).toHaveLength(1);
});

test("E11: a model without a run for ten minutes is unloaded, and loaded again when it is asked for", async () => {
  await copyTwice();
  const clock = new ManualClock();
  const models = open(folder, clock);
  const [tales, other] = await Promise.all([models.load(), models.load("other")]);
  const sequence = other.engine.open();
  clock.advance(30 * 60_000);
  await sequence.close();
  clock.advance(9 * 60_000);
  await other.engine.open().close();
  clock.advance(2 * 60_000);
  expect(() => other.engine.open()).toThrow(UnavailableError);
  expect(() => tales.engine.open()).not.toThrow();
  const again = await models.load("other");
  expect(again).not.toBe(other);
  expect(await take(again.engine.open().generate(request([1])), 1)).toHaveLength(1);
});

test("E11: of a model that was imported anew or removed, nothing of the old one goes on", async () => {
  await copyTwice();
  const models = open(folder);
  const [tales, other] = await Promise.all([models.load(), models.load("other")]);
  models.refresh();
  expect(await models.load("other")).toBe(other);
  const running = begin(other.engine);
  await running.next();
  await writeCard("other", { ...readModelCard(join(folder, "other")), name: "Other" });
  models.refresh();
  await expect(running.next()).rejects.toThrow(UnavailableError);
  const again = await models.load("other");
  expect(again).not.toBe(other);
  expect(models.list().map(({ name }) => name)).toEqual(["tales", "Other"]);
  await writeManifest(["tales"]);
  models.refresh();
  expect(() => again.engine.open()).toThrow(UnavailableError);
  await expect(models.load("other")).rejects.toMatchObject({ code: "no_such_model" });
  expect(await models.load()).toBe(tales);
});

test("E11: a manifest that cannot be read leaves the models as they were", async () => {
  await copyTwice();
  const models = open(folder);
  await writeFile(join(folder, "manifest.json"), "[]");
  expect(() => models.refresh()).toThrow(join(folder, "manifest.json"));
  expect(models.list()).toHaveLength(2);
});

test("E11: a retired model ends what it generates, and is not loaded again until it is found anew", async () => {
  await copyTwice();
  const models = open(folder);
  const { engine } = await models.load("other");
  const running = begin(engine);
  await running.next();
  const retired = models.retire("other");
  await expect(models.load("other")).rejects.toMatchObject({ code: "no_such_model" });
  await retired;
  await expect(running.next()).rejects.toThrow(UnavailableError);
  expect(models.usage("other")).toBe(0);
  expect(models.list().map(({ id }) => id)).toEqual(["tales"]);
  models.refresh();
  expect(
    await take((await models.load("other")).engine.open().generate(request([1])), 1),
  ).toHaveLength(1);
});

test("E11: a model that would not fit into the memory that is free is refused in words, and loaded once it does", async () => {
  let free = 20 * 2 ** 20;
  library = createModelLibrary({ modelsDir: shipped, logger, freeBytes: () => free });
  await expect(library.load()).rejects.toThrow(/takes about \d+ MB, and 20 MB of memory are free/);
  expect(library.ready()).toBe(false);
  free = readFreeBytes();
  expect(free).toBeGreaterThan(100 * 2 ** 20);
  await library.load();
  expect(library.ready()).toBe(true);
});

test("after close nothing is loaded, and closing twice is fine", async () => {
  const models = open(shipped);
  const { engine } = await models.load();
  await models.close();
  await models.close();
  expect(() => engine.open()).toThrow(UnavailableError);
  await expect(models.load()).rejects.toThrow(UnavailableError);
  expect(models.ready()).toBe(false);
});
