import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConflictError } from "../errors.ts";
import { explainDisk } from "./disk.ts";
import {
  changeManifest,
  type Manifest,
  modelIdSchema,
  noSuchModel,
  readManifest,
} from "./manifest.ts";
import { withModelsLock } from "./models-lock.ts";

const removedPrefix = ".removed-";
/** Followed by an id: its folder goes once no manifest names it. */
const removingPrefix = ".removing-";

/**
 * Takes a model out of the manifest in one step, then deletes its folder; what a crash left of that
 * goes with the next removal or import. The default is removed only as the last one: else name another
 * first. Throws a 404 AppError `no_such_model` and ConflictError `model_is_default`.
 */
export async function removeModel(modelsDir: string, id: string): Promise<void> {
  try {
    refuseDefault(readManifest(modelsDir), id);
    await writeFile(join(modelsDir, removingPrefix + id), "");
    await changeManifest(modelsDir, (before) => {
      refuseDefault(before, id);
      const models = before.models.filter((other) => other !== id);
      return { default: before.default === id ? null : before.default, models };
    });
    await withModelsLock(modelsDir, () => sweep(modelsDir, [id]));
  } catch (error) {
    throw explainDisk(error, modelsDir);
  }
}

/** Throws a 404 AppError `no_such_model`, and ConflictError `model_is_default` while there are others. */
export function refuseDefault(manifest: Manifest, id: string): void {
  if (!manifest.models.includes(id)) throw noSuchModel(id);
  if (manifest.default === id && manifest.models.length > 1) throw isDefault(id);
}

/** Deletes what was taken out of the manifest, also by a process that did not live to do it. */
export function finishRemovals(modelsDir: string): Promise<void> {
  return withModelsLock(modelsDir, () => sweep(modelsDir, []));
}

/** A folder that no manifest names could otherwise be neither used nor replaced. */
async function sweep(modelsDir: string, removed: readonly string[]): Promise<void> {
  const installed = readManifest(modelsDir).models;
  const notes = (await readdir(modelsDir)).filter((name) => name.startsWith(removingPrefix));
  for (const id of new Set([...removed, ...notes.map((name) => name.slice(removingPrefix.length))]))
    if (modelIdSchema.safeParse(id).success && !installed.includes(id))
      await putAside(modelsDir, id);
  for (const name of notes) await rm(join(modelsDir, name), { force: true });
  const leftovers = (await readdir(modelsDir)).filter((name) => name.startsWith(removedPrefix));
  for (const name of leftovers) await rm(join(modelsDir, name), { recursive: true, force: true });
}

async function putAside(modelsDir: string, id: string): Promise<void> {
  const folder = join(modelsDir, id);
  if ((await stat(folder).catch(() => undefined)) !== undefined)
    await rename(folder, join(modelsDir, `${removedPrefix}${randomUUID()}`));
}

function isDefault(id: string): ConflictError {
  const message = `${id} is the default: it writes when nobody chooses. Make another model the default first.`;
  return new ConflictError("model_is_default", message);
}
