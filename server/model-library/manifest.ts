import { existsSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { modelIdSchema } from "#shared/models.ts";
import { AppError, UnavailableError } from "../errors.ts";
import { withModelsLock } from "./models-lock.ts";

/** Which model folders there are, and which one writes when nobody chooses. */
export const manifestSchema = z.object({
  default: modelIdSchema.nullable(),
  models: z.array(modelIdSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** What comes with Palimpsest: it is under version control, and only read. */
const shippedName = "manifest.json";
/** What this installation has made of it: where it is there it counts alone. No model begins with a dot. */
const ownName = ".manifest.json";
/** What the shipped manifest names; earlier versions wrote more into it. */
export const shippedModels: readonly string[] = ["tales"];

/** Reads the manifest; a folder without one has no models yet. */
export function readManifest(modelsDir: string): Manifest {
  const own = join(modelsDir, ownName);
  const path = existsSync(own) ? own : join(modelsDir, shippedName);
  if (!existsSync(path)) return { default: null, models: [] };
  try {
    return manifestSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw new UnavailableError(
      `${path} is not a valid manifest of models. Mend or remove it.`,
      cause,
    );
  }
}

/**
 * Changes the manifest in one step, of several processes one after the other: `change` is given what
 * stands there then, and may throw to leave it.
 */
export function changeManifest(
  modelsDir: string,
  change: (manifest: Manifest) => Manifest,
): Promise<Manifest> {
  return withModelsLock(modelsDir, async () => {
    const manifest = change(readManifest(modelsDir));
    const draft = join(modelsDir, `${ownName}.new`);
    await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(draft, join(modelsDir, ownName));
    return manifest;
  });
}

/**
 * Takes over what an earlier version wrote into the manifest that ships, so that nothing is lost when
 * that file is put back to what it was.
 */
export async function adoptManifest(modelsDir: string): Promise<void> {
  if (existsSync(join(modelsDir, ownName))) return;
  const { models } = readManifest(modelsDir);
  if (models.every((id) => shippedModels.includes(id))) return;
  await changeManifest(modelsDir, (manifest) => manifest);
}

/** Adds a model to the manifest in one step; the first model becomes the default. */
export function addToManifest(
  modelsDir: string,
  id: string,
  makeDefault: boolean,
): Promise<Manifest> {
  return changeManifest(modelsDir, (before) => ({
    default: makeDefault ? id : (before.default ?? id),
    models: [...new Set([...before.models, id])],
  }));
}

/**
 * Notes that a model writes when nobody chooses, whether it can or not: `changeDefault` looks. Throws a
 * 404 AppError `no_such_model`.
 */
export function makeDefault(modelsDir: string, id: string): Promise<Manifest> {
  return changeManifest(modelsDir, (before) => {
    if (!before.models.includes(id)) throw noSuchModel(id);
    return { ...before, default: id };
  });
}

/** 404: no installed model has this id. */
export function noSuchModel(id: string): AppError {
  return new AppError("no_such_model", 404, `There is no model called "${id}".`);
}

export { modelIdSchema };
