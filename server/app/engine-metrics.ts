import type { ModelLibrary } from "../model-library/model-library.ts";
import type { Metrics } from "../observability/metrics.ts";

/** How the engines of loaded models do, for each model and engine. */
export function measureEngines(metrics: Metrics, models: Pick<ModelLibrary, "engines">): void {
  const measure = (
    name: string,
    help: string,
    read: (engine: ReturnType<ModelLibrary["engines"]>[number]) => number,
  ) =>
    metrics.gauges({ name, help, labels: ["model", "engine"] }, () =>
      models.engines().map((engine) => ({
        labels: { model: engine.model, engine: engine.name },
        value: read(engine),
      })),
    );
  measure("engine_up", "Whether the engine can begin a generation", ({ available }) =>
    available ? 1 : 0,
  );
  measure("engine_sequences", "Sequences that are open there", ({ sequences }) => sequences);
  measure("engine_places", "Generations that it lets go on at once", ({ places }) => places);
  measure("engine_failures", "How often it was lost or left out", ({ failures }) => failures);
}
