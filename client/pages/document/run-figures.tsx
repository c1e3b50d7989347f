import { Tooltip } from "@mantine/core";
import type { DocumentLive } from "../../live/use-document-live.ts";
import styles from "./run-figures.module.css";

/** Tokens a second, while it writes; a calm number, not a moving one. */
export function RunSpeed({ live }: { live: DocumentLive }) {
  const isWriting = live.run?.state === "streaming";
  const speed = isWriting ? live.stats?.tokensPerSecond : undefined;
  return (
    <p className={styles.speed} data-testid="run-speed">
      {speed === undefined ? "" : `${Math.round(speed)} tokens/s`}
    </p>
  );
}

/** How much of what the model can see at once is used. */
export function ContextMeter({ live }: { live: DocumentLive }) {
  const { run, stats } = live;
  if (run === null || run.contextLimit === 0) return null;
  const used = Math.min(stats?.contextTokens ?? run.contextTokens, run.contextLimit);
  const label = `The model sees ${number(used)} of ${number(run.contextLimit)} tokens`;
  return (
    <Tooltip label={label}>
      <meter
        className={styles.meter}
        aria-label="Context used"
        min={0}
        max={run.contextLimit}
        value={used}
      />
    </Tooltip>
  );
}

function number(value: number): string {
  return value.toLocaleString("en");
}
