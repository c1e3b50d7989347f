import { createEngine } from "../inference/create-engine.ts";
import type { EngineModel, LoadedModel } from "../inference/engine.ts";
import { createEnginePool, type EnginePool } from "../inference/engine-pool.ts";
import type { ModelCard } from "../inference/model-card.ts";
import type { RuntimeKind } from "../inference/onnx-runtime.ts";
import { RestartingEngine } from "../inference/restarting-engine.ts";
import { loadTokenizer } from "../inference/tokenizer.ts";
import type { Clock } from "../jobs/clock.ts";
import type { Logger } from "../observability/logger.ts";

export interface OpenModelOptions {
  logger: Logger;
  clock: Clock;
  /** Forces one way to run graphs. */
  runtime?: RuntimeKind | undefined;
}

/** A model whose engines come and go under it. */
export interface OpenModel extends LoadedModel {
  engine: EnginePool;
}

/** Generations side by side on this machine; others wait in line. */
const localPlaces = 8;

/**
 * Reads a model folder's tokenizer and begins to start its engine; `engine.ready()` waits for that.
 * Throws an UnavailableError when the folder cannot be read.
 */
export async function openModel(
  modelFolder: string,
  card: ModelCard,
  { logger, clock, runtime }: OpenModelOptions,
): Promise<OpenModel> {
  const { id, contextTokens, vocabularySize, endOfTextId } = card;
  const tokenizer = await loadTokenizer(modelFolder, endOfTextId);
  const model: EngineModel = { id, contextTokens, vocabularySize, endOfTextId };
  const local = new RestartingEngine({
    start: () => createEngine({ modelFolder, logger, runtime, places: localPlaces }),
    places: localPlaces,
    clock,
    logger: logger.child({ model: id }),
  });
  return { engine: createEnginePool(model, [local]), tokenizer };
}
