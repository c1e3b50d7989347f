import type { ModelLibrary } from "../model-library/model-library.ts";
import type { Logger } from "../observability/logger.ts";

export interface DefaultModel {
  isReady(): boolean;
  /** Resolves when it is loaded, or known not to load. */
  readonly settled: Promise<void>;
}

/** A model that does not load leaves a server on which people can write; `/readyz` says so. */
export function loadDefaultModel(models: ModelLibrary, logger: Logger): DefaultModel {
  let loaded = false;
  const settled = models.load().then(
    () => {
      loaded = true;
    },
    (error: unknown) => logger.error({ error }, "the default model could not be loaded"),
  );
  return { isReady: () => loaded && models.ready(), settled };
}
