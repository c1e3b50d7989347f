import { existsSync, readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UnavailableError } from "../errors.ts";

/** What a model may be called: it names a folder and stands in URLs. */
export const modelIdSchema = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/);

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

/** Adds a model to the manifest in one step; the first model becomes the default. */
export async function addToManifest(
  modelsDir: string,
  id: string,
  makeDefault: boolean,
): Promise<Manifest> {
  const before = readManifest(modelsDir);
  const manifest = {
    default: makeDefault ? id : (before.default ?? id),
    models: [...new Set([...before.models, id])],
  };
  const path = join(modelsDir, fileName);
  await writeFile(`${path}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(`${path}.new`, path);
  return manifest;
}
