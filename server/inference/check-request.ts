import { InvalidError } from "../errors.ts";
import type { EngineModel, GenerationRequest } from "./engine.ts";

/** What is wrong with a request for this model, if anything is. */
export function requestProblem(
  { prompt, history = [] }: GenerationRequest,
  model: EngineModel,
): InvalidError | undefined {
  if (prompt.length < 1 || prompt.length >= model.contextTokens) {
    return new InvalidError(
      `A prompt has 1 to ${model.contextTokens - 1} tokens; this one has ${prompt.length}.`,
    );
  }
  const known = (id: number) => Number.isInteger(id) && id >= 0 && id < model.vocabularySize;
  if (prompt.every(known) && history.every(known)) return undefined;
  return new InvalidError("The prompt holds ids that are not in the model's vocabulary.");
}
