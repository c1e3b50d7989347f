import type { EngineSettings } from "../config/engines-file.ts";
import { createEngine, defaultPlaces } from "../inference/create-engine.ts";
import type { EngineModel, LoadedModel, Tokenizer } from "../inference/engine.ts";
import { createEnginePool, type EnginePool, type PoolMember } from "../inference/engine-pool.ts";
import type { RuntimeKind } from "../inference/onnx-runtime.ts";
import { RemoteEngine } from "../inference/remote/remote-engine.ts";
import { RestartingEngine } from "../inference/restarting-engine.ts";
import { loadTokenizer } from "../inference/tokenizer.ts";
import type { Clock } from "../jobs/clock.ts";
import type { Logger } from "../observability/logger.ts";
import { requireMemory } from "./memory-check.ts";
import type { ShelvedModel } from "./shelf.ts";

export interface OpenModelOptions {
  engines: EngineSettings;
  logger: Logger;
  clock: Clock;
  /** Forces one way to run graphs. */
  runtime?: RuntimeKind | undefined;
  /** Megabytes for keys and values. */
  memoryMb?: number | undefined;
  /** Bytes that a model may still take. */
  freeBytes: () => number;
}

/** A model whose engines come and go under it. */
export interface OpenModel extends LoadedModel {
  engine: EnginePool;
}

/**
 * Reads a model's tokenizer and begins to start its engines, here and elsewhere; `engine.ready()` waits
 * for one of them. Throws an UnavailableError when it cannot be read, or nothing is there to run it.
 */
export async function openModel(
  shelved: ShelvedModel,
  options: OpenModelOptions,
): Promise<OpenModel> {
  const { id, contextTokens, vocabularySize, endOfTextId, folder, promptTemplate } = shelved;
  const model: EngineModel = { id, contextTokens, vocabularySize, endOfTextId };
  const tokenizer = await loadTokenizer(folder, endOfTextId);
  const members = [
    ...(shelved.isLocal ? [openLocal(shelved, options)] : []),
    ...openRemote(model, tokenizer, options),
  ];
  const opened = { engine: createEnginePool(model, members), tokenizer };
  return promptTemplate === undefined ? opened : { ...opened, promptTemplate };
}

function openLocal({ id, folder }: ShelvedModel, options: OpenModelOptions): PoolMember {
  const { logger, clock, runtime, memoryMb, freeBytes } = options;
  return new RestartingEngine({
    async start() {
      await requireMemory(folder, freeBytes());
      return createEngine({ modelFolder: folder, logger, runtime, memoryMb });
    },
    places: defaultPlaces,
    clock,
    logger: logger.child({ model: id }),
  });
}

function openRemote(
  model: EngineModel,
  tokenizer: Tokenizer,
  { engines, logger, clock }: OpenModelOptions,
): PoolMember[] {
  const ours = engines.engines.filter((settings) => settings.model === model.id);
  return ours.map((settings) => {
    const named = logger.child({ model: model.id, engine: settings.name });
    return new RemoteEngine({ settings, model, tokenizer, clock, logger: named });
  });
}
