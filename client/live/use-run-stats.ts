import { useSyncExternalStore } from "react";
import type { RunStats } from "#shared/socket-events.ts";
import { type RunFigures, runFigures } from "./run-figures.ts";
import type { DocumentLive } from "./use-document-live.ts";

/** One of the run's numbers; draws its component again only where that one is another. */
export function useRunStat<Value extends string | number | null>(
  { stats }: Pick<DocumentLive, "stats">,
  read: (stats: RunStats | null) => Value,
): Value {
  return useSyncExternalStore(stats.subscribe, () => read(stats.getSnapshot()));
}

/** The run's numbers as they are known last; draws its component again with each report. */
export function useRunFigures({
  run,
  stats,
}: Pick<DocumentLive, "run" | "stats">): RunFigures | undefined {
  return runFigures({ run, stats: useSyncExternalStore(stats.subscribe, stats.getSnapshot) });
}
