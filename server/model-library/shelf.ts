import { join } from "node:path";
import type { Model } from "#shared/http.ts";
import type { EngineSettings } from "../config/engines-file.ts";
import { readModelCard } from "../inference/model-card.ts";
import { readManifest } from "./manifest.ts";

/** A model that runs may choose, and where its files lie. */
export interface ShelvedModel extends Omit<Model, "default" | "available"> {
  vocabularySize: number;
  endOfTextId: number;
  folder: string;
  /** Whether it can be loaded on this machine. */
  isLocal: boolean;
  /** Whatever else tells one import of it from another. */
  version: string;
}

/** The models of this installation as they lie there. */
export interface Shelf {
  readonly default: string | null;
  readonly models: Map<string, ShelvedModel>;
  /** Models that the manifest names and nobody can use: why, and what to do, by id. */
  readonly unusable: ReadonlyMap<string, string>;
}

/**
 * Reads the manifest, the models' cards, and what was configured of models that only others run. A
 * model whose card cannot be read keeps no other from writing. Throws an UnavailableError that says
 * what is wrong where the manifest itself cannot be read.
 */
export function readShelf(modelsDir: string, settings: EngineSettings): Shelf {
  const manifest = readManifest(modelsDir);
  const models = new Map<string, ShelvedModel>();
  const unusable = new Map<string, string>();
  for (const model of settings.models)
    models.set(model.id, { ...model, precision: "remote", isLocal: false, version: "" });
  for (const id of manifest.models) {
    try {
      const isLocal = !settings.remoteOnly.includes(id);
      models.set(id, readInstalled(id, join(modelsDir, id), isLocal));
    } catch (error) {
      models.delete(id);
      unusable.set(id, error instanceof Error ? error.message : String(error));
    }
  }
  return { default: manifest.default ?? settings.models[0]?.id ?? null, models, unusable };
}

function readInstalled(id: string, folder: string, isLocal: boolean): ShelvedModel {
  const card = readModelCard(folder);
  const { name, parameters, contextTokens, precision, vocabularySize, endOfTextId } = card;
  const { promptTemplate } = card;
  return {
    id,
    name,
    parameters,
    contextTokens,
    precision,
    vocabularySize,
    endOfTextId,
    folder,
    isLocal,
    version: JSON.stringify(card),
    ...(promptTemplate === undefined ? {} : { promptTemplate }),
  };
}
