import type { Model } from "#shared/http.ts";
import { type EngineSettings, noEngineSettings } from "../config/engines-file.ts";
import { AppError, UnavailableError } from "../errors.ts";
import type { LoadedModel } from "../inference/engine.ts";
import type { RuntimeKind } from "../inference/onnx-runtime.ts";
import { type Clock, systemClock } from "../jobs/clock.ts";
import type { Logger } from "../observability/logger.ts";
import { LoadedModels, type ModelEngine } from "./loaded-models.ts";
import { readFreeBytes } from "./memory-check.ts";
import { openModel } from "./open-model.ts";
import { readShelf, type ShelvedModel } from "./shelf.ts";

/** The models of this installation. */
export interface ModelLibrary {
  list(): Model[];
  /** What the manifest names besides, and nobody can use. */
  unusable(): UnusableModel[];
  /**
   * The model with this id, or the default one. It is loaded once, when it is first asked for, and
   * again after it was unloaded or its engine was lost; the promise resolves when it can write. Throws
   * a 404 AppError `no_such_model`, or an UnavailableError when it cannot be used or loaded; asking
   * again tries again.
   */
  load(id?: string): Promise<LoadedModel>;
  /** Looks whether the engines are there of models that only other machines run, and goes on looking. */
  reachRemote(): void;
  /** Whether the default model can write now. */
  ready(): boolean;
  /**
   * Reads the manifest and the cards anew, after an import, a removal or another choice of default.
   * What is no longer there, or is another model now, is closed. Throws an UnavailableError, and
   * changes nothing, when the manifest cannot be read.
   */
  refresh(): void;
  /** How the engines of the models do that are loaded. */
  engines(): ModelEngine[];
  /** How many runs hold the model's engine; 0 when it is not loaded. */
  usage(id: string): number;
  /**
   * Forgets a model that is being removed: nobody can load it until `refresh` finds it again. Its runs
   * pause as `engine_lost`. Resolves when its engine has let the files go.
   */
  retire(id: string): Promise<void>;
  close(): Promise<void>;
}

/** A model that the manifest names and nobody can use. */
export interface UnusableModel {
  id: string;
  default: boolean;
  /** Why, and what to do; it may name places on the disk, so that it is for admins. */
  problem: string;
}

export interface ModelLibraryOptions {
  modelsDir: string;
  logger: Logger;
  /** Forces one way to run graphs, for every model. */
  runtime?: RuntimeKind | undefined;
  clock?: Clock;
  /** Engines on other machines. */
  engines?: EngineSettings;
  /** Megabytes for keys and values of each model. */
  memoryMb?: number | undefined;
  /** Bytes that a model may still take; by default what the system says. */
  freeBytes?: () => number;
}

/**
 * Reads the manifest and the models' cards. Throws an UnavailableError that says what is wrong with the
 * manifest; a model whose card is wrong is `unusable`, and the others are there.
 */
export function createModelLibrary(options: ModelLibraryOptions): ModelLibrary {
  const { modelsDir, logger, clock = systemClock } = options;
  const engines = options.engines ?? noEngineSettings;
  let shelf = readShelf(modelsDir, engines);
  let closed = false;
  const loaded = new LoadedModels({
    clock,
    logger,
    open: (id) => openModel(find(id), { freeBytes: readFreeBytes, ...options, engines, clock }),
    stays: (id) => id === shelf.default || shelf.models.get(id)?.isLocal === false,
  });

  function find(id: string | undefined): ShelvedModel {
    const model = id === undefined ? undefined : shelf.models.get(id);
    if (model !== undefined) return model;
    throw id !== undefined && shelf.unusable.has(id) ? cannotBeUsed(id) : noSuchModel(id);
  }

  async function close(): Promise<void> {
    closed = true;
    await loaded.close();
  }

  return {
    list: () =>
      [...shelf.models.values()].map((model) => ({
        ...describe(model, shelf.default),
        available: !loaded.isAway(model.id),
      })),
    unusable: () =>
      [...shelf.unusable].map(([id, problem]) => ({ id, default: id === shelf.default, problem })),
    async load(wished) {
      if (closed) throw new UnavailableError("The models are being closed.");
      const { id } = find(wished ?? shelf.default ?? undefined);
      try {
        return await loaded.load(id);
      } catch (error) {
        logger.error({ err: error, model: id }, "model cannot be loaded");
        throw error;
      }
    },
    reachRemote() {
      // Whoever starts a run there is told why it cannot be.
      for (const { id, isLocal } of shelf.models.values())
        if (!isLocal) loaded.load(id).catch(() => undefined);
    },
    ready: () => !closed && shelf.default !== null && loaded.isAvailable(shelf.default),
    refresh() {
      const before = shelf;
      shelf = readShelf(modelsDir, engines);
      for (const [id, { version }] of before.models)
        if (shelf.models.get(id)?.version !== version) void loaded.unload(id);
    },
    engines: () => loaded.engines(),
    usage: (id) => loaded.usage(id),
    async retire(id) {
      shelf.models.delete(id);
      await loaded.unload(id);
    },
    close,
  };
}

function describe(model: ShelvedModel, defaultId: string | null): Omit<Model, "available"> {
  const { id, name, parameters, contextTokens, precision, promptTemplate } = model;
  const isDefault = id === defaultId;
  const described = { id, name, parameters, contextTokens, precision, default: isDefault };
  return promptTemplate === undefined ? described : { ...described, promptTemplate };
}

function cannotBeUsed(id: string): UnavailableError {
  return new UnavailableError(
    `The model "${id}" cannot be used now: its files are damaged. Choose another model, or ask an admin, who finds on the Models page what is wrong and what to do.`,
  );
}

function noSuchModel(id: string | undefined): AppError {
  const message =
    id === undefined
      ? "No model is installed. Import one with: npm run cli -- models import PATH"
      : `There is no model called "${id}" here any more, or there never was.`;
  return new AppError("no_such_model", 404, message);
}
