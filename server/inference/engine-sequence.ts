import { InvalidError } from "../errors.ts";
import type { EngineModel, EngineSequence, Generation, GenerationRequest } from "./engine.ts";
import type { EngineWorker, WorkerGeneration } from "./engine-worker.ts";
import { TokenStream } from "./token-stream.ts";

/** One sequence of an engine, as its owner sees it; its keys and values live in the worker. */
export function createSequence(
  worker: EngineWorker,
  model: EngineModel,
  sequence: number,
): EngineSequence {
  let current: WorkerGeneration | undefined;
  let closed = false;
  return {
    generate(request, signal) {
      current?.cancel();
      current = undefined;
      const refusal = closed ? new InvalidError("The sequence is closed.") : check(request, model);
      if (refusal !== undefined) return failed(refusal);
      if (signal?.aborted) return failed(signal.reason);
      current = worker.generate(sequence, request);
      if (signal !== undefined) cancelOnAbort(current, signal);
      return current.stream;
    },
    get queuePosition() {
      return current === undefined ? 0 : worker.queuePosition(current.id);
    },
    async close() {
      if (closed) return;
      closed = true;
      current?.cancel();
      worker.forget(sequence);
    },
  };
}

function cancelOnAbort(generation: WorkerGeneration, signal: AbortSignal): void {
  const abort = () => generation.cancel(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  generation.onEnd(() => signal.removeEventListener("abort", abort));
}

function check(request: GenerationRequest, model: EngineModel): InvalidError | undefined {
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

function failed(error: unknown): Generation {
  const stream = new TokenStream({ taken() {}, left() {} });
  stream.stop(error);
  return stream;
}
