import { Popover } from "@mantine/core";
import { memo, useId, useState } from "react";
import type { DocumentRun } from "#shared/http.ts";
import { isLive } from "#shared/run.ts";
import { Ago } from "../../components/ago.tsx";
import { grouped } from "../../components/grouped.ts";
import type { RunBand } from "../../editor/run-bands.ts";
import type { StatsSource } from "../../live/live-store.ts";
import { endingSentence, nameFor } from "../../live/run-sentences.ts";
import { useRunStat } from "../../live/use-run-stats.ts";
import { Fact } from "./fact.tsx";
import styles from "./run-margin.module.css";

interface RunBarProps {
  band: RunBand;
  /** undefined: its words came from elsewhere, or the list is on its way. */
  run: DocumentRun | undefined;
  modelName: string | undefined;
  isLive: boolean;
  /** The numbers of the document's last run. */
  stats: StatsSource;
  /** The one bar that Tab stops at; the arrow keys lead to the others. */
  isStop: boolean;
  accountId: string;
  index: number;
  onFocus: (index: number) => void;
}

/** Of a run that began above what is shown, the card stands beside it and not over the title. */
const belowHeader = { flip: true, shift: { padding: { top: 60, right: 8, bottom: 8, left: 8 } } };

/** One bar and its card; while a run writes, only its own bar grows and is drawn again. */
export const RunBar = memo(function RunBar(props: RunBarProps) {
  const { band, run, modelName, isLive: lives, stats, isStop, accountId, index, onFocus } = props;
  const [shown, setShown] = useState(false);
  const card = useId();
  return (
    <Popover
      opened={shown}
      onChange={setShown}
      position="left-start"
      width={264}
      middlewares={belowHeader}
      trapFocus={false}
      returnFocus={false}
      withRoles={false}
    >
      <Popover.Target>
        <button
          type="button"
          className={styles.bar}
          data-live={lives}
          data-run-bar={band.runId}
          style={{ top: band.top, height: band.bottom - band.top, left: -(20 + 8 * band.lane) }}
          tabIndex={isStop ? 0 : -1}
          aria-label={run ? `Written by ${modelName}` : "Written by the model"}
          aria-describedby={shown ? card : undefined}
          onMouseEnter={() => setShown(true)}
          onMouseLeave={() => setShown(false)}
          onFocus={() => {
            onFocus(index);
            setShown(true);
          }}
          onBlur={() => setShown(false)}
          onKeyDown={(event) => {
            if (event.key === "Escape") setShown(false);
          }}
        />
      </Popover.Target>
      <Popover.Dropdown id={card} role="tooltip" className={styles.card ?? ""}>
        {run === undefined ? (
          <p>These words came from a model. Nothing more is known of them here.</p>
        ) : (
          <RunCard
            run={run}
            stats={stats}
            modelName={modelName ?? run.model}
            accountId={accountId}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
});

interface RunCardProps {
  run: DocumentRun;
  stats: StatsSource;
  modelName: string;
  accountId: string;
}

function RunCard({ run, stats, modelName, accountId }: RunCardProps) {
  return (
    <>
      <strong>{modelName}</strong>
      <dl>
        <Fact name="Started by">{nameFor(run.startedBy, accountId)}</Fact>
        <Fact name="When">
          <Ago time={run.createdAt} />
        </Fact>
        <Fact name="Wrote">
          <Written run={run} stats={stats} />
        </Fact>
        <Fact name={isLive(run.state) ? "State" : "Ended"}>{endingSentence(run, accountId)}</Fact>
        <Fact name="Seed">{run.seed}</Fact>
      </dl>
    </>
  );
}

/** A run's own count is older than a report while it writes, and final when it ends. */
function Written({ run, stats }: Pick<RunCardProps, "run" | "stats">) {
  const reported = useRunStat({ stats }, (report) =>
    report?.runId === run.id && run.state === "streaming" ? report.tokens : 0,
  );
  return `${grouped(Math.max(run.tokens, reported))} tokens`;
}
