import { join } from "node:path";
import type { Model } from "#shared/http.ts";
import type { EngineSettings } from "../config/engines-file.ts";
import { readModelCard } from "../inference/model-card.ts";
import { readManifest } from "./manifest.ts";

/** A model that runs may choose, and where its files lie. */
export interface ShelvedModel extends Omit<Model, "default"> {
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
}

/**
 * Reads the manifest, the models' cards, and what was configured of models that only others run.
 * Throws an UnavailableError that says what is wrong.
 */
export function readShelf(modelsDir: string, settings: EngineSettings): Shelf {
  const manifest = readManifest(modelsDir);
  const installed = manifest.models.map((id) => {
    const folder = join(modelsDir, id);
    return readInstalled(id, folder, !settings.remoteOnly.includes(id));
  });
  const configured = settings.models.map((model) => ({
    ...model,
    precision: "remote",
    isLocal: false,
    version: "",
  }));
  const models = new Map([...configured, ...installed].map((model) => [model.id, model]));
  return { default: manifest.default ?? configured[0]?.id ?? null, models };
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
