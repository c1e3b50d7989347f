import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadLanguageModel } from "../inference/language-model.ts";
import { readModelCard } from "../inference/model-card.ts";
import { openRuntime } from "../inference/open-runtime.ts";
import { referenceLogits } from "../inference/test-support/reference-gpt2.ts";
import { largestDifference } from "../inference/test-support/tales.ts";
import { loadTokenizer } from "../inference/tokenizer.ts";
import { importModel } from "./import-model.ts";
import { readManifest } from "./manifest.ts";
import type { Measure } from "./measure-model.ts";
import { ModelRefusedError } from "./refusal.ts";
import {
  type SourceFiles,
  safetensors,
  tinyConfig,
  tinySource,
  tinyTensors,
  tinyTokenizer,
  tinyWeights,
  writeSource,
} from "./test-support/model-source.ts";

let folder: string;
let modelsDir: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "import-"));
  modelsDir = join(folder, "models");
});
afterEach(() => rm(folder, { recursive: true }));

/** Where a test is not about measuring. */
const measure: Measure = async () => ({ speed: { oneStream: 1, eightStreams: 1 } });
const unmeasured = { precision: "fp32", measure } as const;

const importFiles = async (files: SourceFiles, id = "tiny") => {
  const source = await writeSource(join(folder, "Tiny GPT"), files);
  return importModel({ source, modelsDir, id, ...unmeasured });
};

/** Largest difference between the imported model's logits and the plain reference's. */
async function differenceToReference(id: string): Promise<number> {
  const card = readModelCard(join(modelsDir, id));
  const { runtime } = await openRuntime();
  const model = await loadLanguageModel({ folder: join(modelsDir, id), card, runtime });
  const cache = model.createCache();
  const tokens = [3, 17, 38, 0, 21];
  const [[logits = new Float32Array()] = []] = await model.run([
    { cache, past: 0, tokens, outputs: 1 },
  ]);
  const weights = tinyWeights();
  const shape = { width: 32, layers: 2, heads: 4, layerNormEpsilon: 1e-5 };
  const weightOf = (name: string) => weights.get(name)?.values ?? new Float32Array();
  const difference = largestDifference(logits, referenceLogits(shape, weightOf, tokens));
  cache.release();
  await model.release();
  return difference;
}

/** What else stands in the files of gpt2, distilgpt2 and gpt2-xl. */
const publishedFields = {
  architectures: ["GPT2LMHeadModel"],
  _num_labels: 1,
  attn_pdrop: 0.1,
  bos_token_id: 39,
  embd_pdrop: 0.1,
  id2label: { 0: "LABEL_0" },
  initializer_range: 0.02,
  label2id: { LABEL_0: 0 },
  output_past: true,
  resid_pdrop: 0.1,
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: "cls_index",
  summary_use_proj: true,
  task_specific_params: { "text-generation": { do_sample: true, max_length: 50 } },
  transformers_version: "4.11.0",
};
const affixes = { continuing_subword_prefix: "", end_of_word_suffix: "" };

test.each(["F32", "F16", "BF16"] as const)(
  "weights in %s compute what a plain reference does",
  async (dtype) => {
    await importFiles({ ...tinySource(), "model.safetensors": safetensors(tinyTensors(dtype)) });
    expect(await differenceToReference("tiny")).toBeLessThan(1e-4);
  },
);

test("names without the transformer prefix, mask buffers and a repeated projection are accepted", async () => {
  const one = { dtype: "F32", shape: [1], bytes: new Uint8Array(4) };
  const tensors = {
    ...tinyTensors("F32", ""),
    "h.0.attn.bias": one,
    "h.1.attn.masked_bias": one,
    "lm_head.weight": one,
  };
  await importFiles({ ...tinySource(), "model.safetensors": safetensors(tensors) });
  expect(await differenceToReference("tiny")).toBeLessThan(1e-4);
});

test.each(["U8", "BOOL", "F32"])(
  "a folder as it is published is accepted: an early config and tokenizer, masks in %s",
  async (dtype) => {
    const { n_positions: context, n_layer: layers } = tinyConfig;
    const size = dtype === "F32" ? 4 : 1;
    const mask = {
      dtype,
      shape: [1, 1, context, context],
      bytes: new Uint8Array(size * context ** 2),
    };
    const limit = { dtype: "F32", shape: [], bytes: new Uint8Array(4) };
    const buffers = Array.from({ length: layers }, (_, layer) => [
      [`h.${layer}.attn.bias`, mask],
      [`h.${layer}.attn.masked_bias`, limit],
    ]).flat();
    const tensors = { ...Object.fromEntries(buffers), ...tinyTensors("F32", "") };
    const { model, ...rest } = tinyTokenizer;
    const { type: _, ...early } = model;
    await importFiles({
      "config.json": JSON.stringify({ ...tinyConfig, ...publishedFields, n_ctx: context }),
      "tokenizer.json": JSON.stringify({
        ...rest,
        truncation: null,
        padding: null,
        model: { dropout: null, unk_token: "", fuse_unk: false, ...affixes, ...early },
      }),
      "tokenizer_config.json": JSON.stringify({ model_max_length: context }),
      "model.safetensors": safetensors(tensors),
    });
    expect(await differenceToReference("tiny")).toBeLessThan(1e-4);
  },
);

test("the card says where the model comes from and what it is", async () => {
  const source = tinySource();
  const card = await importFiles(source);
  const stored = source["model.safetensors"] ?? "";
  expect(card).toEqual(readModelCard(join(modelsDir, "tiny")));
  expect(card).toMatchObject({
    id: "tiny",
    licence: "apache-2.0",
    precision: "fp32",
    contextTokens: 24,
    vocabularySize: 40,
    source: {
      folder: "Tiny GPT",
      sha256: { "model.safetensors": createHash("sha256").update(stored).digest("hex") },
    },
  });
  const values = [...tinyWeights().values()].reduce((sum, tensor) => sum + tensor.values.length, 0);
  expect(card.parameters).toBe(values);
});

test("E28: the card says what was measured, on what, and what the model wants around its input", async () => {
  const source = await writeSource(join(folder, "Tiny GPT"), tinySource());
  const promptTemplate = "<|endoftext|>[WP] {input} [RESPONSE] ";
  const card = await importModel({ source, modelsDir, id: "tiny", promptTemplate });
  expect(card).toEqual(readModelCard(join(modelsDir, "tiny")));
  expect(card.promptTemplate).toBe(promptTemplate);
  expect(card.quality?.tokens).toBeGreaterThan(100);
  expect(card.quality?.meanKl).toBeLessThanOrEqual(1e-3);
  expect(card.rejected?.[0]).toMatchObject({ precision: "int8" });
  expect(card.rejected?.[0]?.quality?.meanKl).toBeGreaterThan(1e-3);
  expect(card.speed?.oneStream).toBeGreaterThan(1);
  expect(card.speed?.machine).not.toContain(hostname());
});

test("E28: weights whose logits are beyond every number are refused when they are measured", async () => {
  const weights = tinyWeights();
  weights.get("wte.weight")?.values.fill(3e38);
  const source = await writeSource(join(folder, "Tiny GPT"), tinySource({}, weights));
  const importing = importModel({ source, modelsDir, id: "tiny" });
  await expect(importing).rejects.toThrow("It computes what is no number.");
  expect(await readdir(modelsDir)).toEqual([]);
});

test("E7: a tokenizer of the first kind, which does not say what it is, is installed saying it", async () => {
  const { type: _, ...model } = tinyTokenizer.model;
  await importFiles({
    ...tinySource(),
    "tokenizer.json": JSON.stringify({ ...tinyTokenizer, model }),
  });
  const tokenizer = await loadTokenizer(join(modelsDir, "tiny"), 39);
  expect(tokenizer.encode("ABC")).toEqual([32, 33, 34]);
});

test("the first model is the default, a later one when asked, and a name is used once", async () => {
  await importFiles(tinySource(), "first");
  const source = join(folder, "Tiny GPT");
  const second = await importModel({ source, modelsDir, ...unmeasured });
  expect(second.id).toBe("tiny-gpt");
  expect(readManifest(modelsDir)).toEqual({ default: "first", models: ["first", "tiny-gpt"] });
  await importModel({ source, modelsDir, id: "third", makeDefault: true, ...unmeasured });
  expect(readManifest(modelsDir).default).toBe("third");
  await expect(importModel({ source, modelsDir, id: "third" })).rejects.toThrow("--id");
  await expect(importModel({ source, modelsDir, id: "../up" })).rejects.toThrow(ModelRefusedError);
});

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
