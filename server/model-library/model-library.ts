import { join } from "node:path";
import type { Model } from "#shared/http.ts";
import { AppError, UnavailableError } from "../errors.ts";
import type { LoadedModel } from "../inference/engine.ts";
import { type ModelCard, readModelCard } from "../inference/model-card.ts";
import type { RuntimeKind } from "../inference/onnx-runtime.ts";
import { type Clock, systemClock } from "../jobs/clock.ts";
import type { Logger } from "../observability/logger.ts";
import { LoadedModels } from "./loaded-models.ts";
import { readManifest } from "./manifest.ts";
import { openModel } from "./open-model.ts";

/** The models of this installation. */
export interface ModelLibrary {
  list(): Model[];
  /**
   * The model with this id, or the default one. It is loaded once, when it is first asked for, and
   * again after it was unloaded or its engine was lost; the promise resolves when it can write. Throws
   * a 404 AppError `no_such_model`, or an UnavailableError when it cannot be loaded; asking again
   * tries again.
   */
  load(id?: string): Promise<LoadedModel>;
  /** Whether the default model can write now. */
  ready(): boolean;
  /**
   * Reads the manifest and the cards anew, after an import, a removal or another choice of default.
   * What is no longer there, or is another model now, is closed. Throws an UnavailableError, and
   * changes nothing, when they cannot be read.
   */
  refresh(): void;
  /** How many runs hold the model's engine; 0 when it is not loaded. */
  usage(id: string): number;
  /**
   * Forgets a model that is being removed: nobody can load it until `refresh` finds it again. Its runs
   * pause as `engine_lost`. Resolves when its engine has let the files go.
   */
  retire(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface ModelLibraryOptions {
  modelsDir: string;
  logger: Logger;
  /** Forces one way to run graphs, for every model. */
  runtime?: RuntimeKind | undefined;
  clock?: Clock;
}

interface Shelf {
  default: string | null;
  cards: Map<string, ModelCard>;
}

/** Reads the manifest and the models' cards; throws an UnavailableError that says what is wrong. */
export function createModelLibrary(options: ModelLibraryOptions): ModelLibrary {
  const { modelsDir, logger, clock = systemClock } = options;
  let shelf = readShelf(modelsDir);
  let closed = false;
  const loaded = new LoadedModels({
    clock,
    logger,
    open: (id) => openModel(join(modelsDir, id), cardOf(id), { ...options, clock }),
    stays: (id) => id === shelf.default,
  });

  function cardOf(id: string | undefined): ModelCard {
    const card = id === undefined ? undefined : shelf.cards.get(id);
    if (card === undefined) throw noSuchModel(id);
    return card;
  }

  async function close(): Promise<void> {
    closed = true;
    await loaded.close();
  }

  return {
    list: () => [...shelf.cards.values()].map((card) => describe(card, shelf.default)),
    async load(wished) {
      if (closed) throw new UnavailableError("The models are being closed.");
      const { id } = cardOf(wished ?? shelf.default ?? undefined);
      try {
        return await loaded.load(id);
      } catch (error) {
        logger.error({ err: error, model: id }, "model cannot be loaded");
        throw error;
      }
    },
    ready: () => !closed && shelf.default !== null && loaded.isAvailable(shelf.default),
    refresh() {
      const before = shelf;
      shelf = readShelf(modelsDir);
      for (const [id, card] of before.cards)
        if (!isSame(card, shelf.cards.get(id))) void loaded.unload(id);
    },
    usage: (id) => loaded.usage(id),
    async retire(id) {
      shelf.cards.delete(id);
      await loaded.unload(id);
    },
    close,
  };
}

/** Every card is read before anything changes. */
function readShelf(modelsDir: string): Shelf {
  const manifest = readManifest(modelsDir);
  const cards = manifest.models.map((id) => [id, readModelCard(join(modelsDir, id))] as const);
  return { default: manifest.default, cards: new Map(cards) };
}

function isSame(card: ModelCard, other: ModelCard | undefined): boolean {
  return JSON.stringify(card) === JSON.stringify(other);
}

function describe(card: ModelCard, defaultId: string | null): Model {
  const { id, name, parameters, contextTokens, precision, promptTemplate } = card;
  const isDefault = id === defaultId;
  const model = { id, name, parameters, contextTokens, precision, default: isDefault };
  return promptTemplate === undefined ? model : { ...model, promptTemplate };
}

function noSuchModel(id: string | undefined): AppError {
  const message =
    id === undefined
      ? "No model is installed. Import one with: npm run cli -- models import PATH"
      : `There is no model called "${id}" here any more, or there never was.`;
  return new AppError("no_such_model", 404, message);
}
