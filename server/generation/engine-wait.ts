import { UnavailableError } from "../errors.ts";
import type { LoadedModel } from "../inference/engine.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import type { RunRecord } from "./run-record.ts";

/** A run that asks nothing of its engine while that is away waits so long for it. */
const patienceMs = 10_000;

/**
 * Resolves once the run's model can write, at once where it can; earlier when `signal` ends the wait.
 * Throws what loading the model throws, or an UnavailableError: after ten seconds, and where the
 * model is another one now.
 */
export async function waitForEngine(
  { models, clock }: Pick<RunDependencies, "models" | "clock">,
  { model: id }: Pick<RunRecord, "model">,
  model: LoadedModel,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const cancelTimer = clock.after(patienceMs, () => over.abort());
  const given = AbortSignal.any([signal, over.signal]);
  try {
    const loaded = await Promise.race([models.load(id), aborted(given)]);
    if (loaded === undefined && !signal.aborted) {
      throw new UnavailableError("The engine was not back in time.");
    }
    if (loaded !== undefined && loaded !== model) {
      throw new UnavailableError("The model was replaced by another.");
    }
  } finally {
    cancelTimer();
    over.abort();
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
