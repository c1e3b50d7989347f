import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Gpt2Config, parseGpt2Config } from "../../server/model-library/gpt2-config.ts";
import { matchTensors } from "../../server/model-library/gpt2-tensors.ts";
import { openSafetensors, type Safetensors } from "../../server/model-library/safetensors.ts";
import { buildDecoderGraph } from "./onnx-decoder.ts";
import { quantise, type StoredWeight, writeOnnxWeights } from "./onnx-weights.ts";
import { transpose } from "./transpose.ts";

export type TransformersFormat = "fp32" | "q8";

/** What transformers.js looks for, by its `dtype`. */
const fileNames = { fp32: "model.onnx", q8: "model_quantized.onnx" } as const;

/**
 * Makes of a Hugging Face GPT-2 folder one that transformers.js loads: the decoder with its past as
 * optimum exports it, and for q8 what `scripts/quantize.py` of transformers.js makes of that, with
 * dynamic quantisation of each tensor as a whole, embeddings included.
 */
export async function writeOnnxModel(
  source: string,
  folder: string,
  format: TransformersFormat,
): Promise<void> {
  await mkdir(join(folder, "onnx"), { recursive: true });
  for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json"]) {
    await copyFile(join(source, name), join(folder, name));
  }
  const config = parseGpt2Config(await readFile(join(source, "config.json"), "utf8"));
  const file = await openSafetensors(join(source, "model.safetensors"));
  try {
    const name = fileNames[format];
    const weights = readWeights(file, config, format);
    const locations = await writeOnnxWeights(join(folder, "onnx", `${name}_data`), weights);
    const graph = buildDecoderGraph({ config, format, locations, weightsFile: `${name}_data` });
    await writeFile(join(folder, "onnx", name), graph);
  } finally {
    await file.close();
  }
}

/** The output matrix is stored on its own: [width, vocabulary], as an exported MatMul has it. */
async function* readWeights(
  file: Safetensors,
  config: Gpt2Config,
  format: TransformersFormat,
): AsyncGenerator<StoredWeight> {
  for (const { name, shape, storedName } of matchTensors(config, file.entries)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = (await file.read(storedName, 0, count)).slice();
    yield* store(name, shape, values, format);
    if (name !== "wte.weight") continue;
    const [rows = 0, columns = 0] = shape;
    yield* store("lm_head.weight", [columns, rows], transpose(values, rows, columns), format);
  }
}

function* store(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  format: TransformersFormat,
): Generator<StoredWeight> {
  if (format === "fp32" || shape.length === 1) {
    yield { name, shape, values };
    return;
  }
  const { bytes, scale } = quantise(values);
  yield { name, shape, values: bytes };
  yield { name: `${name}.scale`, shape: [], values: Float32Array.of(scale) };
  yield { name: `${name}.zero`, shape: [], values: Int8Array.of(0) };
}
