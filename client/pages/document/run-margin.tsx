import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { DocumentRun, DocumentSummary, User } from "#shared/http.ts";
import { isLive } from "#shared/run.ts";
import { runsQuery } from "../../api/documents.ts";
import { modelsQuery } from "../../api/models.ts";
import type { ManuscriptControls } from "../../editor/manuscript-editor.ts";
import { type RunBand, watchRunBands } from "../../editor/run-bands.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import { RunBar } from "./run-bar.tsx";
import styles from "./run-margin.module.css";

interface RunMarginProps {
  controls: ManuscriptControls | null;
  document: DocumentSummary;
  live: DocumentLive;
  user: User;
}

/** Beside the lines that a run wrote: a bar, and on hover or focus who, with what, when, how much. */
export function RunMargin({ controls, document, live, user }: RunMarginProps) {
  const bands = useBands(controls);
  const group = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState(0);
  const runs = useRuns(document.id, live, bands);
  const models = useQuery(modelsQuery).data ?? [];
  if (bands.length === 0) return null;
  const stop = Math.min(current, bands.length - 1);
  const step = (event: KeyboardEvent) => {
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(bands.length - 1, stop + by));
    setCurrent(next);
    group.current?.querySelectorAll("button")[next]?.focus();
  };
  return (
    <div
      ref={group}
      className={styles.margin}
      role="toolbar"
      tabIndex={-1}
      aria-orientation="vertical"
      aria-label="What the model wrote"
      onKeyDown={step}
    >
      {bands.map((band, index) => {
        const run = runs.get(band.runId);
        return (
          <RunBar
            // Bands have no identity but their place in the text.
            key={`${band.runId} ${index}`}
            band={band}
            run={run}
            modelName={models.find(({ id }) => id === run?.model)?.name ?? run?.model}
            isLive={live.run?.id === band.runId && isLive(live.run.state)}
            stats={live.stats}
            isStop={index === stop}
            accountId={user.id}
            index={index}
            onFocus={setCurrent}
          />
        );
      })}
    </div>
  );
}

const steps: { readonly [key: string]: number } = {
  ArrowUp: -1,
  ArrowDown: 1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

function useBands(controls: ManuscriptControls | null): readonly RunBand[] {
  const [bands, setBands] = useState<readonly RunBand[]>([]);
  useEffect(
    () => (controls === null ? undefined : watchRunBands(controls.editor, setBands)),
    [controls],
  );
  return bands;
}

/**
 * The document's runs by id, the live one as it is now. They are asked for when one has its first words
 * or its last, not while one starts: the server has its hands full then.
 */
function useRuns(
  documentId: string,
  live: DocumentLive,
  bands: readonly RunBand[],
): ReadonlyMap<string, DocumentRun> {
  const { run } = live;
  const shown = [...new Set(bands.map(({ runId }) => runId))].sort();
  const writes = run !== null && isLive(run.state) && shown.includes(run.id);
  const moment = `${shown.join(" ")} ${writes}`;
  const told = useQuery({ ...runsQuery(documentId, moment), enabled: shown.length > 0 }).data;
  return useMemo(() => {
    const runs = new Map(told?.map((each) => [each.id, each]));
    const known = run === null ? undefined : runs.get(run.id);
    if (run !== null && known !== undefined) runs.set(run.id, { ...known, ...run });
    return runs;
  }, [told, run]);
}
