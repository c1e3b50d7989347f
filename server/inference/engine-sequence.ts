import { InvalidError } from "../errors.ts";
import { requestProblem } from "./check-request.ts";
import type { EngineModel, EngineSequence } from "./engine.ts";
import type { EngineWorker, WorkerGeneration } from "./engine-worker.ts";
import { failedGeneration } from "./failed-generation.ts";

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
      const refusal = closed
        ? new InvalidError("The sequence is closed.")
        : requestProblem(request, model);
      if (refusal !== undefined) return failedGeneration(refusal);
      if (signal?.aborted) return failedGeneration(signal.reason);
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
