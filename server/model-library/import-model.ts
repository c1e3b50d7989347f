import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ModelCard } from "../inference/model-card.ts";
import { checkTokenizer } from "./check-tokenizer.ts";
import { type Gpt2Config, parseGpt2Config } from "./gpt2-config.ts";
import { buildGpt2Graph } from "./gpt2-graph.ts";
import { expectedShapes, matchTensors } from "./gpt2-tensors.ts";
import { readLicence } from "./licence.ts";
import { addToManifest, modelIdSchema, readManifest } from "./manifest.ts";
import type { WeightLocation } from "./onnx-graph.ts";
import type { Precision } from "./precision.ts";
import { ModelRefusedError } from "./refusal.ts";
import { openSafetensors, sha256File } from "./safetensors.ts";
import { checkSourceFolder, readSourceText, sourceFiles } from "./source-folder.ts";
import { TensorReader } from "./tensor-reader.ts";
import { planWeights } from "./weight-jobs.ts";
import { WeightsFile } from "./weights-file.ts";
import { writeWeights } from "./write-weights.ts";

export interface ImportRequest {
  /** A Hugging Face model folder. */
  source: string;
  modelsDir: string;
  /** Else made from the folder's name. */
  id?: string | undefined;
  makeDefault?: boolean | undefined;
  precision?: Precision | undefined;
}

const weightsFile = "weights.bin";
/** A run of another number of sequences is filled up to the next of these. */
const slotCounts = [1, 2, 4, 8, 16];

/**
 * Turns a Hugging Face GPT-2 folder into a model folder of ours and adds it to the manifest. All
 * work happens in a folder beside the final place, so that a refused import leaves nothing behind.
 */
export async function importModel(request: ImportRequest): Promise<ModelCard> {
  const source = await checkSourceFolder(request.source);
  const id = await chooseId(request, basename(source));
  await mkdir(request.modelsDir, { recursive: true });
  const unfinished = join(request.modelsDir, `.import-${randomUUID()}`);
  try {
    await mkdir(unfinished);
    const card = await convert(source, unfinished, id, request.precision ?? "fp32");
    await rename(unfinished, join(request.modelsDir, id));
    await addToManifest(request.modelsDir, id, request.makeDefault ?? false);
    return card;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function chooseId(request: ImportRequest, folderName: string): Promise<string> {
  const wanted = request.id ?? folderName.toLowerCase().replace(/[^a-z0-9._-]+/g, "-");
  const id = modelIdSchema.safeParse(wanted).data;
  if (id === undefined) {
    throw new ModelRefusedError(
      `id "${wanted}"`,
      "it cannot name a model.",
      "Use up to 64 lower-case letters, digits, dots, dashes and underscores.",
    );
  }
  const { models } = readManifest(request.modelsDir);
  if (models.includes(id)) {
    throw new ModelRefusedError(
      `id "${id}"`,
      "a model has it already.",
      "Choose another with --id.",
    );
  }
  return id;
}

async function convert(
  source: string,
  target: string,
  id: string,
  precision: Precision,
): Promise<ModelCard> {
  const config = parseGpt2Config(await readSourceText(source, "config.json"));
  checkTokenizer(await readSourceText(source, "tokenizer.json"), config);
  const weights = await convertWeights(source, target, config, precision);
  const graphs = await writeGraphs(target, config, weights, precision);
  for (const name of sourceFiles) {
    if (name === "model.safetensors") continue;
    await writeFile(join(target, name), await readSourceText(source, name));
  }
  const files = await hashFiles(target);
  const card = { ...(await describe(source, id, config, precision, graphs)), files };
  await writeFile(join(target, "card.json"), `${JSON.stringify(card, null, 2)}\n`);
  return card;
}

async function convertWeights(
  source: string,
  target: string,
  config: Gpt2Config,
  precision: Precision,
): Promise<ReadonlyMap<string, WeightLocation>> {
  const file = await openSafetensors(join(source, "model.safetensors"));
  const weights = await WeightsFile.create(join(target, weightsFile), () => {});
  try {
    const reader = new TensorReader(file, matchTensors(config, file.entries));
    const jobs = planWeights(config, precision, expectedShapes(config));
    await writeWeights(jobs, precision, reader, weights);
    await weights.finish();
    return weights.locations;
  } finally {
    await weights.abandon();
    await file.close();
  }
}

async function writeGraphs(
  target: string,
  config: Gpt2Config,
  weights: ReadonlyMap<string, WeightLocation>,
  precision: Precision,
): Promise<ModelCard["graphs"]> {
  const graphs = slotCounts.map((slots) => ({ slots, file: `model-${slots}.onnx` }));
  for (const { slots, file } of graphs) {
    await writeFile(
      join(target, file),
      buildGpt2Graph({ config, weights, weightsFile, slots, precision }),
    );
  }
  return graphs;
}

async function describe(
  source: string,
  id: string,
  config: Gpt2Config,
  precision: Precision,
  graphs: ModelCard["graphs"],
): Promise<ModelCard> {
  const sha256: Record<string, string> = {};
  for (const name of sourceFiles) sha256[name] = await sha256File(join(source, name));
  return {
    id,
    name: id,
    licence: await readLicence(source),
    architecture: "gpt2",
    precision,
    parameters: [...expectedShapes(config).values()].reduce((sum, shape) => sum + sizeOf(shape), 0),
    contextTokens: config.contextTokens,
    vocabularySize: config.vocabularySize,
    endOfTextId: config.endOfTextId,
    layers: config.layers,
    heads: config.heads,
    headSize: config.headSize,
    graphs,
    source: { folder: basename(source), sha256 },
  };
}

/** SHA-256 of everything in a folder, by file. */
async function hashFiles(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of (await readdir(folder)).toSorted())
    hashes[name] = await sha256File(join(folder, name));
  return hashes;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
