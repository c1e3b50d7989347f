import { join } from "node:path";
import { ConflictError } from "../errors.ts";
import { readModelCard } from "../inference/model-card.ts";
import { type Manifest, makeDefault, readManifest } from "./manifest.ts";

/**
 * Lets a model write when nobody chooses. Throws a 404 AppError `no_such_model`, and ConflictError
 * `model_damaged` for one that nobody can write with.
 */
export async function changeDefault(modelsDir: string, id: string): Promise<Manifest> {
  if (readManifest(modelsDir).models.includes(id)) refuseDamaged(modelsDir, id);
  return makeDefault(modelsDir, id);
}

function refuseDamaged(modelsDir: string, id: string): void {
  try {
    readModelCard(join(modelsDir, id));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ConflictError("model_damaged", `"${id}" cannot be the default. ${problem}`);
  }
}
