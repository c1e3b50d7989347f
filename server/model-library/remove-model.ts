import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ConflictError } from "../errors.ts";
import { explainDisk } from "./disk.ts";
import { changeManifest, type Manifest, noSuchModel } from "./manifest.ts";
import { withModelsLock } from "./models-lock.ts";

const removedPrefix = ".removed-";

/**
 * Takes a model out of the manifest in one step, then deletes its folder; what a crash left of that
 * goes with the next removal. The default is removed only as the last one: else name another first.
 * Throws a 404 AppError `no_such_model` and ConflictError `model_is_default`.
 */
export async function removeModel(modelsDir: string, id: string): Promise<void> {
  try {
    await changeManifest(modelsDir, (before) => {
      refuseDefault(before, id);
      const models = before.models.filter((other) => other !== id);
      return { default: before.default === id ? null : before.default, models };
    });
    await withModelsLock(modelsDir, () => sweep(modelsDir, id));
  } catch (error) {
    throw explainDisk(error, modelsDir);
  }
}

/** Throws a 404 AppError `no_such_model`, and ConflictError `model_is_default` while there are others. */
export function refuseDefault(manifest: Manifest, id: string): void {
  if (!manifest.models.includes(id)) throw noSuchModel(id);
  if (manifest.default === id && manifest.models.length > 1) throw isDefault(id);
}

/** A folder of this name that no manifest names could otherwise be neither used nor replaced. */
async function sweep(modelsDir: string, id: string): Promise<void> {
  const folder = join(modelsDir, id);
  if ((await stat(folder).catch(() => undefined)) !== undefined)
    await rename(folder, join(modelsDir, `${removedPrefix}${randomUUID()}`));
  const leftovers = (await readdir(modelsDir)).filter((name) => name.startsWith(removedPrefix));
  for (const name of leftovers) await rm(join(modelsDir, name), { recursive: true, force: true });
}

function isDefault(id: string): ConflictError {
  const message = `${id} is the default: it writes when nobody chooses. Make another model the default first.`;
  return new ConflictError("model_is_default", message);
}
