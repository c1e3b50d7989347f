import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConflictError } from "../errors.ts";
import { readManifest } from "./manifest.ts";
import { tryLock } from "./models-lock.ts";
import { ModelRefusedError } from "./refusal.ts";
import { finishRemovals } from "./remove-model.ts";

/** The right to make a model of some id. */
export interface ImportClaim {
  /** An empty folder beside the models, for what is unfinished. */
  folder: string;
  /** Gives a finished model its place and announces it; one that cannot be announced is removed. */
  install(model: string, announce: () => Promise<unknown>): Promise<void>;
  /** Removes the folder and gives the id free; idempotent. */
  release(): Promise<void>;
}

const prefix = ".import-";
/** In the claim's folder while a model has its place and may not be announced yet. */
const installingName = "installing";

/**
 * Claims an id for one import; of two at once the second is refused with a ConflictError
 * `model_being_imported`, and an id that is taken with a ModelRefusedError. What an import left whose
 * process is dead is removed.
 */
export async function claimImport(modelsDir: string, id: string): Promise<ImportClaim> {
  await mkdir(modelsDir, { recursive: true });
  const folder = join(modelsDir, prefix + id);
  const lock = await tryLock(`${folder}.lock`, modelsDir);
  if ("holder" in lock) {
    const message = `A model called "${id}" is being imported by ${lock.holder}. Wait for it, or choose another name.`;
    throw new ConflictError("model_being_imported", message);
  }
  const release = async () => {
    await rm(folder, { recursive: true, force: true });
    await lock.release();
  };
  try {
    await finishRemovals(modelsDir);
    await sweep(modelsDir, id);
    refuseTaken(modelsDir, id);
    await mkdir(folder);
    return { folder, install: createInstall(join(modelsDir, id), folder), release };
  } catch (error) {
    await release();
    throw error;
  }
}

function createInstall(place: string, folder: string): ImportClaim["install"] {
  return async (model, announce) => {
    await writeFile(join(folder, installingName), "");
    await rename(model, place);
    try {
      await announce();
    } catch (error) {
      await rm(place, { recursive: true, force: true });
      throw error;
    }
  };
}

/** A model whose import died between its last two steps; nobody else puts that sign there. */
async function removeUnannounced(modelsDir: string, id: string): Promise<void> {
  if (!existsSync(join(modelsDir, prefix + id, installingName))) return;
  if (readManifest(modelsDir).models.includes(id)) return;
  await rm(join(modelsDir, id), { recursive: true, force: true });
}

function refuseTaken(modelsDir: string, id: string): void {
  const refuse = (what: string, advice: string) =>
    new ModelRefusedError(`id "${id}"`, what, `${advice} or choose another with --id.`);
  if (readManifest(modelsDir).models.includes(id)) {
    throw refuse("a model has it already.", "Remove that one first,");
  }
  if (existsSync(join(modelsDir, id))) {
    throw refuse(`a folder ${join(modelsDir, id)} is there that is no model.`, "Move it away,");
  }
}

/** Whatever was left under our own claim is stale; what others left is, if their claim can be had. */
async function sweep(modelsDir: string, id: string): Promise<void> {
  const names = await readdir(modelsDir);
  for (const name of names) {
    if (!name.startsWith(prefix) || name.endsWith(".lock")) continue;
    const folder = join(modelsDir, name);
    const lock = name === prefix + id ? undefined : await tryLock(`${folder}.lock`, modelsDir);
    if (lock !== undefined && "holder" in lock) continue;
    await removeUnannounced(modelsDir, name.slice(prefix.length));
    await rm(folder, { recursive: true, force: true });
    await lock?.release();
  }
}
