import { useCallback, useEffect, useRef } from "react";
import type { User } from "#shared/http.ts";
import { isLive } from "#shared/run.ts";
import { grouped } from "../../components/grouped.ts";
import { runFigures } from "../../live/run-figures.ts";
import { nameFor } from "../../live/run-sentences.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import { useRunFigures, useRunStat } from "../../live/use-run-stats.ts";
import { Fact } from "./fact.tsx";
import { ModelSelect } from "./model-select.tsx";
import styles from "./run-panel.module.css";
import { SamplingControls } from "./sampling-controls.tsx";
import { SamplingFacts } from "./sampling-facts.tsx";
import type { ModelChoice } from "./use-model-choice.ts";
import type { SamplingChoice } from "./use-sampling-choice.ts";

interface RunPanelProps {
  live: DocumentLive;
  user: User;
  sampling: SamplingChoice;
  model: ModelChoice;
}

/** The run: who, with which model, how much; and how the model is to write. */
export function RunPanel({ live, user, sampling, model }: RunPanelProps) {
  const { run } = live;
  const runLives = run !== null && isLive(run.state);
  const written = useWritten(live);
  const maySelect = model.editable && model.all.length > 1;
  return (
    <div className={styles.run}>
      {maySelect && <ModelSelect choice={model} />}
      {(run !== null || !maySelect) && (
        <dl className={styles.facts}>
          {!maySelect && (model.current !== undefined || runLives) && (
            <Fact name="Model">
              {model.current?.available === false ? `${model.name}: away now` : model.name}
            </Fact>
          )}
          {run && <RunFacts live={live} user={user} />}
        </dl>
      )}
      {sampling.editable ? (
        <>
          <p className={styles.when}>
            {runLives
              ? "Changes count from the next token on."
              : "This is how the next run will write."}
          </p>
          <SamplingControls
            sampling={sampling}
            lastSeed={run?.seed ?? null}
            runLives={runLives}
            written={written}
          />
        </>
      ) : (
        <SamplingFacts values={sampling.values} />
      )}
    </div>
  );
}

function RunFacts({ live, user }: { live: DocumentLive; user: User }) {
  const { run } = live;
  const figures = useRunFigures(live);
  const rereads = useRunStat(live, (stats) => stats?.rereads ?? 0);
  if (run === null || figures === undefined) return null;
  return (
    <>
      <Fact name="Started by">{nameFor(run.startedBy, user.id)}</Fact>
      {run.changedBy.id !== run.startedBy.id && (
        <Fact name="Last changed by">{nameFor(run.changedBy, user.id)}</Fact>
      )}
      <Fact name="Written">{grouped(figures.tokens)} tokens</Fact>
      <Fact name="In its sight">
        {grouped(figures.contextTokens)} of {grouped(figures.contextLimit)} tokens
      </Fact>
      {rereads > 0 && <Fact name="Edits it read again">{grouped(rereads)}</Fact>}
      <Fact name="Seed">{run.seed}</Fact>
    </>
  );
}

/** Gives how many tokens the live run has written, whenever asked. */
function useWritten(live: DocumentLive): () => number {
  const now = useRef(live);
  useEffect(() => {
    now.current = live;
  });
  return useCallback(() => {
    const { run, stats } = now.current;
    if (run === null || !isLive(run.state)) return 0;
    return runFigures({ run, stats: stats.getSnapshot() })?.tokens ?? 0;
  }, []);
}
