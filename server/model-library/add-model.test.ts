import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addModel, type Convert, listOrders, orderFor } from "./add-model.ts";
import { createHub } from "./hub.ts";
import { createImportProcess } from "./import-process.ts";
import { tinySource } from "./test-support/model-source.ts";
import { openTestHub, type TestHub } from "./test-support/test-hub.ts";

let modelsDir: string;
let hub: TestHub;
beforeEach(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), "add-model-"));
  hub = await openTestHub("someone/tiny", tinySource());
});
afterEach(async () => {
  await hub.close();
  await rm(modelsDir, { recursive: true });
});

const add = (order: ReturnType<typeof orderFor>, convert: Convert) =>
  addModel(
    { hub: createHub({ url: hub.url }), modelsDir, order, convert, onProgress: () => {} },
    new AbortController().signal,
  );

test("E16: what was wished for is kept with what was begun, and goes on with it in another process", async () => {
  const promptTemplate = "<|endoftext|>[WP] {input} [RESPONSE] ";
  const wishes = { id: "mine", makeDefault: true, precision: "int8", promptTemplate } as const;
  const broken: Convert = () => Promise.reject(new Error("the power went"));
  await expect(add(orderFor("someone/tiny", wishes), broken)).rejects.toThrow("the power went");
  const [begun] = await listOrders(modelsDir);
  expect(begun).toMatchObject({ modelId: "mine", makeDefault: true, precision: "int8" });
  const card = await add(begun ?? orderFor("someone/tiny"), createImportProcess());
  expect(card).toMatchObject({ id: "mine", precision: "int8", promptTemplate });
  expect(await listOrders(modelsDir)).toEqual([]);
});

test("E16: of two that add the same model at once one does, and the other is told", async () => {
  const convert: Convert = ({ id }) => Promise.reject(new Error(`nothing is made of ${id}`));
  const results = await Promise.allSettled([
    add(orderFor("someone/tiny", { id: "one" }), convert),
    add(orderFor("someone/tiny", { id: "two" }), convert),
  ]);
  const reasons = results.map((result) => (result.status === "rejected" ? result.reason : ""));
  expect(reasons).toContainEqual(expect.objectContaining({ code: "model_being_added" }));
  expect(reasons.map(String).toSorted()[1]).toMatch(/nothing is made of (one|two)/);
  expect(await listOrders(modelsDir)).toHaveLength(1);
});
