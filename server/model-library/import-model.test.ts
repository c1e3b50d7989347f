import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
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
