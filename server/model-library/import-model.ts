import { stat, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import type { ModelCard } from "../inference/model-card.ts";
import { type Candidate, type Choice, choosePrecision } from "./choose-precision.ts";
import { type ConvertedModel, convertModel, weightBytes } from "./convert-model.ts";
import { expectedShapes } from "./gpt2-tensors.ts";
import { claimImport, type ImportClaim } from "./import-claim.ts";
import { diskFull, planSpace } from "./import-space.ts";
import { addToManifest, modelIdSchema } from "./manifest.ts";
import { createMeasure, type Measure } from "./measure-model.ts";
import type { Precision } from "./precision.ts";
import { ModelRefusedError } from "./refusal.ts";
import { sha256File } from "./safetensors.ts";
import { sourceFiles } from "./source-folder.ts";
import { openSourceModel, type SourceModel } from "./source-model.ts";

export interface ImportRequest {
  /** A Hugging Face model folder. */
  source: string;
  modelsDir: string;
  /** Else made from the folder's name. */
  id?: string | undefined;
  makeDefault?: boolean | undefined;
  /** Else the one that measuring chooses. */
  precision?: Precision | undefined;
  /** What the model wants around its input (see the card). */
  promptTemplate?: string | undefined;
  onProgress?: ((progress: ImportProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Measures a conversion; by default in a process of its own. */
  measure?: Measure | undefined;
}

/** Bytes while files are checked and converted, tokens while models are measured. */
export interface ImportProgress {
  step: "checking" | "converting" | "measuring" | "finishing";
  done: number;
  total: number;
}

/**
 * Turns a Hugging Face GPT-2 folder into a model folder of ours and adds it to the manifest. All work
 * happens in a folder beside the final place, so that an import that is refused, stopped or broken
 * leaves nothing behind. Throws ModelRefusedError, ConflictError `model_being_imported`, AppError
 * `disk_full`, UnavailableError where fp32 cannot be measured although it should, and the signal's reason.
 */
export async function importModel(request: ImportRequest): Promise<ModelCard> {
  const source = await openSourceModel(request.source);
  try {
    const id = chooseId(request.id, source.name);
    const claim = await claimImport(request.modelsDir, id);
    try {
      return await convert(request, source, id, claim);
    } finally {
      await claim.release();
    }
  } finally {
    await source.close();
  }
}

function chooseId(id: string | undefined, folderName: string): string {
  const wanted = id ?? folderName.toLowerCase().replace(/[^a-z0-9._-]+/g, "-");
  const parsed = modelIdSchema.safeParse(wanted).data;
  if (parsed !== undefined) return parsed;
  throw new ModelRefusedError(
    `id "${wanted}"`,
    "it cannot name a model.",
    "Use up to 64 lower-case letters, digits, dots, dashes and underscores.",
  );
}

async function convert(
  request: ImportRequest,
  source: SourceModel,
  id: string,
  claim: ImportClaim,
): Promise<ModelCard> {
  const { modelsDir, signal } = request;
  const { needed, obstacle } = await planSpace(source, modelsDir, request.precision);
  try {
    const sha256 = await hashSource(source, request);
    const steps = createSteps(request, source, id, claim.folder);
    const wanted = request.precision;
    const choice = await choosePrecision({ ...steps, wanted, obstacle, signal });
    const card = describe(request, source, id, sha256, choice);
    signal?.throwIfAborted();
    return await install(request, card, choice.chosen, claim);
  } catch (error) {
    throw isDiskFull(error) ? diskFull(modelsDir, needed, undefined, error) : error;
  }
}

function isDiskFull(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && ["ENOSPC", "EDQUOT"].includes(String(error.code))
  );
}

/** SHA-256, in hexadecimal, of what the model is made from. */
async function hashSource(
  { folder }: SourceModel,
  { onProgress, signal }: ImportRequest,
): Promise<Record<string, string>> {
  let total = 0;
  for (const name of sourceFiles) total += (await stat(join(folder, name))).size;
  let done = 0;
  const hashed = (bytes: number) => {
    done += bytes;
    onProgress?.({ step: "checking", done, total });
  };
  const sha256: Record<string, string> = {};
  for (const name of sourceFiles) {
    sha256[name] = await sha256File(join(folder, name), hashed, signal);
  }
  return sha256;
}

function createSteps(request: ImportRequest, source: SourceModel, id: string, folder: string) {
  const { onProgress, signal, measure = createMeasure() } = request;
  const path = join(folder, "reference.bin");
  return {
    convert(precision: Precision): Promise<ConvertedModel> {
      const total = weightBytes(source, precision);
      const onBytes = (done: number) => onProgress?.({ step: "converting", done, total });
      const target = join(folder, precision);
      return convertModel({ source, precision, folder: target, onBytes, signal });
    },
    async measure(model: ConvertedModel) {
      // The process that measures reads the model as the engine does, by its card.
      await writeCard(
        model.folder,
        describe(request, source, id, {}, { chosen: model, rejected: [] }),
      );
      return measure({
        folder: model.folder,
        reference: { path, write: model.precision === "fp32" },
        onProgress: (done, total) => onProgress?.({ step: "measuring", done, total }),
        signal,
      });
    },
  };
}

function describe(
  { promptTemplate }: ImportRequest,
  { config, licence, name }: SourceModel,
  id: string,
  sha256: Record<string, string>,
  { chosen, rejected }: Choice,
): ModelCard {
  const shapes = [...expectedShapes(config).values()];
  const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
  return {
    id,
    name: id,
    licence,
    architecture: "gpt2",
    precision: chosen.precision,
    parameters: shapes.reduce((sum, shape) => sum + sizeOf(shape), 0),
    contextTokens: config.contextTokens,
    vocabularySize: config.vocabularySize,
    endOfTextId: config.endOfTextId,
    layers: config.layers,
    heads: config.heads,
    headSize: config.headSize,
    graphs: chosen.graphs,
    source: { folder: name, sha256 },
    files: chosen.files,
    ...describeMeasures(chosen),
    ...(rejected.length === 0 ? {} : { rejected }),
    ...(promptTemplate === undefined ? {} : { promptTemplate }),
  };
}

function describeMeasures({ measurement, unmeasured }: Candidate): Partial<ModelCard> {
  const { quality, speed } = measurement ?? {};
  const nothingToRead = measurement === undefined ? undefined : "its tokenizer reads no English";
  const reason = unmeasured ?? (quality === undefined ? nothingToRead : undefined);
  return {
    ...(quality === undefined ? {} : { quality }),
    ...(reason === undefined ? {} : { unmeasured: reason }),
    ...(speed === undefined ? {} : { speed: { ...speed, machine: describeMachine() } }),
  };
}

/** What the speed was measured on; without its name. */
function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? "unknown processor";
  return `${processors.length} × ${model}, ${process.platform} ${process.arch}`;
}

async function install(
  { modelsDir, makeDefault = false, onProgress }: ImportRequest,
  card: ModelCard,
  { folder }: ConvertedModel,
  claim: ImportClaim,
): Promise<ModelCard> {
  onProgress?.({ step: "finishing", done: 0, total: 1 });
  await writeCard(folder, card);
  await claim.install(folder, () => addToManifest(modelsDir, card.id, makeDefault));
  onProgress?.({ step: "finishing", done: 1, total: 1 });
  return card;
}

function writeCard(folder: string, card: ModelCard): Promise<void> {
  return writeFile(join(folder, "card.json"), `${JSON.stringify(card, null, 2)}\n`);
}
