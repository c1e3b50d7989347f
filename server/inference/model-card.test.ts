import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readModelCard } from "./model-card.ts";
import { talesCard } from "./test-support/tales.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "model-card-"));
});
afterEach(() => rm(folder, { recursive: true }));

const read = async (changes: object) => {
  await writeFile(join(folder, "card.json"), JSON.stringify({ ...talesCard, ...changes }));
  return readModelCard(folder);
};

test("a card that an import wrote is read as it is", async () => {
  expect(await read({})).toEqual(talesCard);
});

test.each([
  ["a graph elsewhere", { graphs: [{ slots: 1, file: "../other/model-1.onnx" }] }],
  ["a graph that is a folder", { graphs: [{ slots: 1, file: ".." }] }],
  ["files elsewhere", { files: { "../../etc/passwd": "0" } }],
  ["a file by its whole path", { files: { "/dev/zero": "0" } }],
  ["more layers than can be", { layers: 1e15 }],
  ["a vocabulary without end", { vocabularySize: 2 ** 40 }],
  ["a context without end", { contextTokens: 2 ** 40 }],
  ["slots without end", { graphs: [{ slots: 2 ** 40, file: "model-1.onnx" }] }],
  ["no graph", { graphs: [] }],
  ["a template without a place", { promptTemplate: "[WP]" }],
])("E7: a model folder placed by hand leads nowhere: %s", async (_, changes) => {
  await expect(read(changes)).rejects.toMatchObject({
    status: 503,
    message: expect.stringContaining(folder),
  });
});
