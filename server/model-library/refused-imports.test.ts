import { existsSync } from "node:fs";
import { mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { importModel } from "./import-model.ts";
import { ModelRefusedError } from "./refusal.ts";
import {
  type SourceFiles,
  safetensors,
  tinyConfig,
  tinySource,
  tinyTensors,
  tinyTokenizer,
  writeSource,
} from "./test-support/model-source.ts";

let folder: string;
let modelsDir: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "import-"));
  modelsDir = join(folder, "models");
});
afterEach(() => rm(folder, { recursive: true }));

const importFiles = async (files: SourceFiles) => {
  const source = await writeSource(join(folder, "Tiny GPT"), files);
  return importModel({ source, modelsDir, id: "tiny", precision: "fp32" });
};

describe("a refused import says what is wrong and leaves nothing behind", () => {
  const weights = (change: (tensors: ReturnType<typeof tinyTensors>) => void) => {
    const tensors = tinyTensors();
    change(tensors);
    return { "model.safetensors": safetensors(tensors) };
  };
  const header = (change: Parameters<typeof safetensors>[1]) => ({
    "model.safetensors": safetensors(tinyTensors(), change),
  });
  const config = (change: object) => ({
    "config.json": JSON.stringify({ ...tinyConfig, ...change }),
  });
  const tokenizer = (change: object) => ({
    "tokenizer.json": JSON.stringify({ ...tinyTokenizer, ...change }),
  });
  const vocabulary = (change: object) =>
    tokenizer({
      model: { ...tinyTokenizer.model, vocab: { ...tinyTokenizer.model.vocab, ...change } },
    });
  const whole = safetensors(tinyTensors());
  const hugeHeader = Buffer.from(whole);
  hugeHeader.writeBigUInt64LE(2n ** 60n);
  const brokenHeader = Buffer.from(whole);
  brokenHeader.write("nonsense", 8);
  const name = "transformer.h.1.attn.c_attn.weight";

  test.each<[string, SourceFiles, RegExp]>([
    [
      "a missing tensor",
      weights((t) => delete t[name]),
      /h\.1\.attn\.c_attn\.weight: the tensor is missing/,
    ],
    [
      "a wrong shape",
      weights((t) => Object.assign(t[name] ?? {}, { shape: [96, 32] })),
      /c_attn\.weight: the shape is 96×32, config\.json calls for 32×96/,
    ],
    [
      "a foreign tensor",
      weights((t) =>
        Object.assign(t, {
          "adapter.weight": { dtype: "F32", shape: [1], bytes: new Uint8Array(4) },
        }),
      ),
      /adapter\.weight: a plain GPT-2 has no such tensor/,
    ],
    [
      "an unknown number format",
      weights((t) => Object.assign(t[name] ?? {}, { dtype: "I8" })),
      /c_attn\.weight: its number format is I8/,
    ],
    [
      "a value that is no number",
      weights((t) =>
        new DataView(t[name]?.bytes.buffer ?? new ArrayBuffer(8)).setFloat32(4, NaN, true),
      ),
      /c_attn\.weight: value 1 is NaN/,
    ],
    [
      "a truncated file",
      { "model.safetensors": whole.subarray(0, whole.length - 40) },
      /cut off: tensor/,
    ],
    [
      "a file cut inside the header",
      { "model.safetensors": whole.subarray(0, 200) },
      /cut off inside its header/,
    ],
    ["an empty file", { "model.safetensors": "" }, /first 8 bytes/],
    [
      "bytes after the last tensor",
      { "model.safetensors": Buffer.concat([whole, whole]) },
      /bytes follow/,
    ],
    [
      "an oversized header",
      { "model.safetensors": hugeHeader },
      /header claims 1152921504606846976 bytes/,
    ],
    ["a header that is not JSON", { "model.safetensors": brokenHeader }, /not a valid table/],
    [
      "overlapping tensors",
      header((table) =>
        Object.assign(table, { copy: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }),
      ),
      /overlaps/,
    ],
    [
      "offsets that do not fit the shape",
      header((table) =>
        Object.assign(table, { [name]: { dtype: "F32", shape: [2], data_offsets: [0, 4] } }),
      ),
      /has 4 bytes, its shape takes 8/,
    ],
    [
      "a negative offset",
      header((table) =>
        Object.assign(table, { [name]: { dtype: "F32", shape: [1], data_offsets: [-4, 0] } }),
      ),
      /not a valid table/,
    ],
    ["another architecture", config({ model_type: "llama" }), /model type is "llama"/],
    ["another activation", config({ activation_function: "relu" }), /"relu" is not gelu_new/],
    [
      "an attention that we do not compute",
      config({ scale_attn_by_inverse_layer_idx: true }),
      /inverse_layer/,
    ],
    ["a missing size", config({ n_layer: undefined }), /"n_layer"/],
    ["an end of text outside the vocabulary", config({ eos_token_id: 40 }), /eos_token_id/],
    ["a width that the heads do not divide", config({ n_head: 5 }), /multiple of 8/],
    ["a config that is not JSON", { "config.json": "{" }, /config\.json: it is not valid JSON/],
    ["a tokenizer of another kind", { "tokenizer.json": "{}" }, /not a plain byte-level BPE/],
    [
      "a tokenizer that is too large for the model",
      {
        "tokenizer.json": JSON.stringify({
          ...tinyTokenizer,
          added_tokens: [{ id: 99, content: "x" }],
        }),
      },
      /token 99 lies outside/,
    ],
    [
      "a tokenizer with a pattern of its own over what people write",
      tokenizer({ normalizer: { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "" } }),
      /not a plain byte-level BPE/,
    ],
    [
      "a tokenizer that splits in another way",
      tokenizer({ pre_tokenizer: { type: "ByteLevel", use_regex: false } }),
      /not a plain byte-level BPE/,
    ],
    [
      "a tokenizer with two tokens of one number",
      vocabulary({ "!!": 0 }),
      /two tokens have the number 0/,
    ],
    ["a tokenizer with half a number", vocabulary({ "!!": 38.5 }), /not a plain byte-level BPE/],
    [
      "a tokenizer of characters that stand for no byte",
      vocabulary({ G: undefined, "\u4e00": 38 }),
      /token 38 is not written in byte-level characters/,
    ],
    [
      "a tokenizer nested without end",
      { "tokenizer.json": `{"model":${"[".repeat(5_000_000)}` },
      /not a plain byte-level BPE/,
    ],
    [
      "a tokenizer that is closed as deep as it is open",
      { "tokenizer.json": `{"model":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}` },
      /not a plain byte-level BPE/,
    ],
    [
      "a tokenizer of 33 MB",
      { "tokenizer.json": " ".repeat(33 * 1024 ** 2) },
      /the most that is read is 33554432/,
    ],
    ["a config of 2 MB", { "config.json": " ".repeat(2 * 1024 ** 2) }, /the most that is read/],
    ["sizes that no machine has", config({ n_layer: 2 ** 53, n_embd: 1e300 }), /the field "n_/],
    ["a count that is no whole number", config({ n_head: 2.5 }), /"n_head"/],
    [
      "a shape whose product is beyond every number",
      header((table) =>
        Object.assign(table, {
          [name]: { dtype: "F32", shape: Array(8).fill(2 ** 50), data_offsets: [0, 8] },
        }),
      ),
      /its shape takes/,
    ],
  ])("%s", async (_, change, message) => {
    const importing = importFiles({ ...tinySource(), ...change });
    await expect(importing).rejects.toThrow(ModelRefusedError);
    await expect(importing).rejects.toThrow(message);
    expect(existsSync(modelsDir) ? await readdir(modelsDir) : []).toEqual([]);
  });

  test("E7: a folder with pickles only", async () => {
    const { "model.safetensors": _, ...files } = tinySource();
    const importing = importFiles({ ...files, "pytorch_model.bin": "pickle" });
    await expect(importing).rejects.toThrow(/pytorch_model\.bin: this is a Python pickle/);
    expect(existsSync(modelsDir)).toBe(false);
  });

  test("a missing file, a folder that is not there, and a file in its place", async () => {
    const { "tokenizer.json": _, ...files } = tinySource();
    await expect(importFiles(files)).rejects.toThrow(/tokenizer\.json: the file is missing/);
    const nowhere = importModel({ source: join(folder, "nowhere"), modelsDir });
    await expect(nowhere).rejects.toThrow(/no such folder/);
    await writeFile(join(folder, "file"), "");
    const file = importModel({ source: join(folder, "file"), modelsDir });
    await expect(file).rejects.toThrow(/not a folder/);
  });

  test("E7: a link that leads out of the folder", async () => {
    const source = await writeSource(join(folder, "Tiny GPT"), tinySource());
    await rename(join(source, "model.safetensors"), join(folder, "elsewhere"));
    await symlink(join(folder, "elsewhere"), join(source, "model.safetensors"));
    await expect(importModel({ source, modelsDir })).rejects.toThrow(/link that leads elsewhere/);
    expect(existsSync(modelsDir)).toBe(false);
  });
});
