import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultSampling } from "#shared/sampling.ts";
import { AppError, UnavailableError } from "../errors.ts";
import { createLogger } from "../observability/logger.ts";
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
const open = (modelsDir: string) => (library = createModelLibrary({ modelsDir, logger }));

test("the model that ships is listed, and writes on a fresh machine", async () => {
  const models = open(shipped);
  expect(models.list()).toEqual([
    {
      id: "tales",
      name: "tales",
      parameters: 3_554_304,
      contextTokens: 512,
      precision: "fp32",
      default: true,
    },
  ]);
  expect(models.ready()).toBe(true);
  const { engine, tokenizer } = await models.load();
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

test("a model whose engine was lost is loaded anew", async () => {
  const models = open(shipped);
  const before = await models.load();
  const lost = new Promise((resolve) => before.engine.onLost(resolve));
  // A request that breaks the worker's protocol kills it, as a bug of ours would.
  const sampling = { ...defaultSampling, seed: -1 };
  const sequence = before.engine.open();
  await expect(sequence.generate({ prompt: [1], firstIndex: 0, sampling }).prefill).rejects.toThrow(
    UnavailableError,
  );
  await lost;
  const after = await models.load();
  expect(after).not.toBe(before);
  expect(() => after.engine.open()).not.toThrow();
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

test("a manifest or a card that cannot be read is refused by its path", async () => {
  await writeFile(join(folder, "manifest.json"), "[]");
  expect(() => open(folder)).toThrow(join(folder, "manifest.json"));
  await writeFile(join(folder, "manifest.json"), '{"default":"gone","models":["gone"]}');
  expect(() => open(folder)).toThrow(join(folder, "gone"));
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
