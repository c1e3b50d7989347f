import type { ModelLibrary } from "../model-library/model-library.ts";
import type { Logger } from "../observability/logger.ts";

export interface DefaultModel {
  /** Whether it can write now. */
  isReady(): boolean;
  /** Resolves when it is loaded, or known not to load. */
  readonly settled: Promise<void>;
}

/**
 * A model that does not load leaves a server on which people can write; `/readyz` says so. One that
 * is not to be loaded `ahead` is loaded by the first run.
 */
export function loadDefaultModel(
  models: ModelLibrary,
  { ahead, logger }: { ahead: boolean; logger: Logger },
): DefaultModel {
  if (ahead) models.reachRemote();
  if (!ahead) return { isReady: () => models.ready(), settled: Promise.resolve() };
  const settled = models.load().then(
    () => undefined,
    (error: unknown) => logger.error({ error }, "the default model could not be loaded"),
  );
  return { isReady: () => models.ready(), settled };
}
