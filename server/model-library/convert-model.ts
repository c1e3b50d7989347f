import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ModelCard } from "../inference/model-card.ts";
import { buildGpt2Graph } from "./gpt2-graph.ts";
import { expectedShapes } from "./gpt2-tensors.ts";
import type { WeightLocation } from "./onnx-graph.ts";
import type { Precision } from "./precision.ts";
import { sha256File } from "./safetensors.ts";
import type { SourceModel } from "./source-model.ts";
import { TensorReader } from "./tensor-reader.ts";
import { planWeights } from "./weight-jobs.ts";
import { align, bytesOf, WeightsFile } from "./weights-file.ts";
import { writeWeights } from "./write-weights.ts";

const weightsFile = "weights.bin";
/** A run of another number of sequences is filled up to the next of these. */
const slotCounts = [1, 2, 4, 8, 16];

/** A model folder of ours that is complete but for what is known only once it is measured. */
export interface ConvertedModel {
  folder: string;
  precision: Precision;
  /** Of its weights. */
  bytes: number;
  graphs: ModelCard["graphs"];
  /** SHA-256 of each file. */
  files: Record<string, string>;
}

export interface Conversion {
  source: SourceModel;
  precision: Precision;
  /** Is made. */
  folder: string;
  onBytes: (written: number) => void;
  signal?: AbortSignal | undefined;
}

/** Writes a model's weights, graphs and texts; throws the signal's reason, and what the disk says. */
export async function convertModel(conversion: Conversion): Promise<ConvertedModel> {
  const { source, precision, folder } = conversion;
  await mkdir(folder);
  const { locations, sha256, bytes } = await convertWeights(conversion);
  const files: Record<string, string> = { [weightsFile]: sha256 };
  const graphs = slotCounts.map((slots) => ({ slots, file: `model-${slots}.onnx` }));
  for (const { slots, file } of graphs) {
    conversion.signal?.throwIfAborted();
    const options = { config: source.config, weights: locations, weightsFile, slots, precision };
    await writeFile(join(folder, file), buildGpt2Graph(options));
  }
  for (const [name, text] of source.texts) await writeFile(join(folder, name), text);
  for (const name of [...graphs.map(({ file }) => file), ...source.texts.keys()]) {
    files[name] = await sha256File(join(folder, name));
  }
  return { folder, precision, bytes, graphs, files };
}

async function convertWeights({ source, precision, folder, onBytes, signal }: Conversion): Promise<{
  locations: ReadonlyMap<string, WeightLocation>;
  sha256: string;
  bytes: number;
}> {
  let bytes = 0;
  const written = (length: number) => onBytes((bytes = length));
  const file = await WeightsFile.create(join(folder, weightsFile), written);
  try {
    const reader = new TensorReader(source.weights, source.tensors, signal);
    const jobs = planWeights(source.config, precision, expectedShapes(source.config));
    await writeWeights(jobs, precision, reader, file);
    return { locations: file.locations, sha256: await file.finish(), bytes };
  } finally {
    await file.abandon();
  }
}

/** How long the weights file of a model will be in a precision, in bytes. */
export function weightBytes({ config }: SourceModel, precision: Precision): number {
  return planWeights(config, precision, expectedShapes(config))
    .flatMap(({ outputs }) => [...outputs])
    .reduce((end, weight) => align(end) + bytesOf(weight), 0);
}
