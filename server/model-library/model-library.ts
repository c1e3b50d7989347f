import { join } from "node:path";
import type { Model } from "#shared/http.ts";
import { AppError, UnavailableError } from "../errors.ts";
import type { LoadedModel } from "../inference/engine.ts";
import { type ModelCard, readModelCard } from "../inference/model-card.ts";
import type { RuntimeKind } from "../inference/onnx-runtime.ts";
import type { Logger } from "../observability/logger.ts";
import { readManifest } from "./manifest.ts";
import { openModel } from "./open-model.ts";

/** The models of this installation. */
export interface ModelLibrary {
  list(): Model[];
  /**
   * The model with this id, or the default one. It is loaded once, when it is first asked for; a
   * model whose engine was lost is loaded anew. Throws a 404 AppError `no_such_model`.
   */
  load(id?: string): Promise<LoadedModel>;
  /** Whether the default model is loaded, or has not yet failed to load. */
  ready(): boolean;
  close(): Promise<void>;
}

export interface ModelLibraryOptions {
  modelsDir: string;
  logger: Logger;
  /** Forces one way to run graphs, for every model. */
  runtime?: RuntimeKind | undefined;
}

/** Reads the manifest and the models' cards; throws an UnavailableError that says what is wrong. */
export function createModelLibrary(options: ModelLibraryOptions): ModelLibrary {
  const { modelsDir, logger } = options;
  const manifest = readManifest(modelsDir);
  const cards = new Map<string, ModelCard>();
  for (const id of manifest.models) cards.set(id, readModelCard(join(modelsDir, id)));
  const loaded = new Map<string, Promise<LoadedModel>>();
  let defaultFailed = false;
  let closed = false;

  const load = async (id: string): Promise<LoadedModel> => {
    const card = cards.get(id);
    if (card === undefined) throw noSuchModel(id);
    const model = await openModel(join(modelsDir, id), card, options);
    model.engine.onLost(() => void loaded.delete(id));
    return model;
  };

  return {
    list: () => [...cards.values()].map((card) => describe(card, manifest.default)),
    async load(id = manifest.default ?? undefined) {
      if (closed) throw new UnavailableError("The models are being closed.");
      if (id === undefined || !cards.has(id)) throw noSuchModel(id);
      const known = loaded.get(id);
      if (known !== undefined) return known;
      const loading = load(id);
      loaded.set(id, loading);
      try {
        const model = await loading;
        if (id === manifest.default) defaultFailed = false;
        return model;
      } catch (error) {
        loaded.delete(id);
        if (id === manifest.default) defaultFailed = true;
        logger.error({ err: error, model: id }, "model cannot be loaded");
        throw error;
      }
    },
    ready: () => !closed && manifest.default !== null && !defaultFailed,
    async close() {
      closed = true;
      for (const loading of loaded.values()) {
        // A model that failed to load has nothing to close.
        await loading.then(({ engine }) => engine.close()).catch(() => undefined);
      }
      loaded.clear();
    },
  };
}

function describe(card: ModelCard, defaultId: string | null): Model {
  const { id, name, parameters, contextTokens, precision } = card;
  return { id, name, parameters, contextTokens, precision, default: id === defaultId };
}

function noSuchModel(id: string | undefined): AppError {
  const message =
    id === undefined
      ? "No model is installed. Import one with: npm run cli -- models import PATH"
      : `There is no model called "${id}".`;
  return new AppError("no_such_model", 404, message);
}
