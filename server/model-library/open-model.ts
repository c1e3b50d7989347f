import { createEngine } from "../inference/create-engine.ts";
import type { LoadedModel } from "../inference/engine.ts";
import type { ModelCard } from "../inference/model-card.ts";
import type { RuntimeKind } from "../inference/onnx-runtime.ts";
import { loadTokenizer } from "../inference/tokenizer.ts";
import type { Logger } from "../observability/logger.ts";

export interface OpenModelOptions {
  logger: Logger;
  /** Forces one way to run graphs. */
  runtime?: RuntimeKind | undefined;
}

/** Loads what a model folder holds; resolves when it can write. Throws an UnavailableError when it cannot. */
export async function openModel(
  modelFolder: string,
  card: ModelCard,
  { logger, runtime }: OpenModelOptions,
): Promise<LoadedModel> {
  const tokenizer = await loadTokenizer(modelFolder, card.endOfTextId);
  const engine = await createEngine({ modelFolder, logger, runtime });
  return { engine, tokenizer };
}
