import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RandomModelFormat, writeRandomModel } from "../benchmarks/random-model.ts";
import { loadTokenizer } from "../server/inference/tokenizer.ts";
import { importModel } from "../server/model-library/import-model.ts";
import { openSafetensors } from "../server/model-library/safetensors.ts";

describe("a random model", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "palimpsest-random-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const write = (name: string, seed: number, format: RandomModelFormat = "fp32") =>
    writeRandomModel({ shape: "small", folder: join(folder, name), seed, format });
  const weights = (source: string) => readFile(join(source, "model.safetensors"));

  it("can be imported, and encodes and decodes any text", async () => {
    const modelsDir = join(folder, "models");
    const card = await importModel({ source: await write("source", 1), modelsDir, id: "random" });
    expect(card).toMatchObject({ vocabularySize: 2048, endOfTextId: 2047, layers: 2 });
    const tokenizer = await loadTokenizer(join(modelsDir, "random"), card.endOfTextId);
    const text = "The bear went down to the river. Öl, 中, 😀\n\tand\0so on";
    const ids = tokenizer.encode(text);
    expect(Buffer.concat(ids.map((id) => tokenizer.bytes(id))).toString()).toBe(text);
    expect(ids.length).toBeLessThan(text.length);
  });

  it("is the same for the same seed, and another for another", async () => {
    const first = await weights(await write("first", 1));
    expect((await weights(await write("again", 1))).equals(first)).toBe(true);
    expect((await weights(await write("other", 2))).equals(first)).toBe(false);
  });

  it("has the same values in each number format, as nearly as it holds them", async () => {
    const [exact, ...cut] = await Promise.all(
      (["fp32", "fp16", "bf16"] as const).map(async (format) => {
        const file = await openSafetensors(
          join(await write(format, 1, format), "model.safetensors"),
        );
        const values = (await file.read("h.1.mlp.c_fc.weight", 0, 64 * 256)).slice();
        await file.close();
        return values;
      }),
    );
    const deviation = Math.hypot(...(exact ?? [])) / Math.sqrt(exact?.length ?? 1);
    expect(deviation).toBeCloseTo(0.02, 3);
    for (const values of cut) {
      const errors = values.map((value, i) => Math.abs(value - (exact?.[i] ?? Number.NaN)));
      expect(Math.max(...errors)).toBeLessThan(0.0008);
    }
  });
});
