import { Popover } from "@mantine/core";
import { useId, useState } from "react";
import type { DocumentRun } from "#shared/http.ts";
import { Ago } from "../../components/ago.tsx";
import type { RunBand } from "../../editor/run-bands.ts";
import { endingSentence, nameFor } from "../../live/run-sentences.ts";
import { Fact } from "./fact.tsx";
import styles from "./run-margin.module.css";

interface RunBarProps {
  band: RunBand;
  /** undefined: its words came from elsewhere, or the list is on its way. */
  run: DocumentRun | undefined;
  modelName: string | undefined;
  isLive: boolean;
  /** The one bar that Tab stops at; the arrow keys lead to the others. */
  isStop: boolean;
  accountId: string;
  onFocus: () => void;
}

/** One bar and its card. */
export function RunBar(props: RunBarProps) {
  const { band, run, modelName, isLive, isStop, accountId, onFocus } = props;
  const [shown, setShown] = useState(false);
  const card = useId();
  return (
    <Popover
      opened={shown}
      onChange={setShown}
      position="left-start"
      width={264}
      trapFocus={false}
      returnFocus={false}
      withRoles={false}
    >
      <Popover.Target>
        <button
          type="button"
          className={styles.bar}
          data-live={isLive}
          data-run-bar={band.runId}
          style={{ top: band.top, height: band.bottom - band.top, left: -(20 + 8 * band.lane) }}
          tabIndex={isStop ? 0 : -1}
          aria-label={run ? `Written by ${modelName}` : "Written by the model"}
          aria-describedby={shown ? card : undefined}
          onMouseEnter={() => setShown(true)}
          onMouseLeave={() => setShown(false)}
          onFocus={() => {
            onFocus();
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
          <RunCard run={run} modelName={modelName ?? run.model} accountId={accountId} />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function RunCard({
  run,
  modelName,
  accountId,
}: {
  run: DocumentRun;
  modelName: string;
  accountId: string;
}) {
  return (
    <>
      <strong>{modelName}</strong>
      <dl>
        <Fact name="Started by">{nameFor(run.startedBy, accountId)}</Fact>
        <Fact name="When">
          <Ago time={run.createdAt} />
        </Fact>
        <Fact name="Wrote">{`${run.tokens.toLocaleString("en")} tokens`}</Fact>
        <Fact name="Ended">{endingSentence(run, accountId)}</Fact>
        <Fact name="Seed">{run.seed}</Fact>
      </dl>
    </>
  );
}
