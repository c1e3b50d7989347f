import { InvalidError } from "../errors.ts";
import type { EngineModel, GenerationRequest } from "./engine.ts";

/** What is wrong with a request for this model, if anything is. */
export function requestProblem(
  request: GenerationRequest,
  model: EngineModel,
): InvalidError | undefined {
  const { prompt, history = [], written = [], bannedSequences = [], sampling } = request;
  if (prompt.length < 1 || prompt.length >= model.contextTokens) {
    return new InvalidError(
      `A prompt has 1 to ${model.contextTokens - 1} tokens; this one has ${prompt.length}.`,
    );
  }
  const known = (id: number) => Number.isInteger(id) && id >= 0 && id < model.vocabularySize;
  const ids = [prompt, history, written, ...bannedSequences];
  if (!ids.every((some) => some.every(known)))
    return new InvalidError("The prompt holds ids that are not in the model's vocabulary.");
  if (sampling.strategy === "beams" && sampling.maxTokens === null)
    return new InvalidError("A beam search needs an end: set maxTokens.");
  return undefined;
}
