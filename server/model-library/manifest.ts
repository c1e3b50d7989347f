import { existsSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { modelIdSchema } from "#shared/models.ts";
import { AppError, UnavailableError } from "../errors.ts";
import { withModelsLock } from "./models-lock.ts";

/** `models/manifest.json`: which model folders there are, and which one writes when nobody chooses. */
export const manifestSchema = z.object({
  default: modelIdSchema.nullable(),
  models: z.array(modelIdSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;

const fileName = "manifest.json";

/** Reads the manifest; a folder without one has no models yet. */
export function readManifest(modelsDir: string): Manifest {
  const path = join(modelsDir, fileName);
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
    const path = join(modelsDir, fileName);
    // No model's folder begins with a dot.
    const draft = join(modelsDir, `.${fileName}.new`);
    await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(draft, path);
    return manifest;
  });
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

/** Lets a model write when nobody chooses. Throws a 404 AppError `no_such_model`. */
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
