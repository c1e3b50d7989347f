import { Tooltip } from "@mantine/core";
import { grouped } from "../../components/grouped.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import { useRunFigures } from "../../live/use-run-stats.ts";
import styles from "./run-figures.module.css";

/** Tokens a second, while it writes; a calm number, not a moving one. */
export function RunSpeed({ live }: { live: DocumentLive }) {
  const speed = useRunFigures(live)?.tokensPerSecond;
  return (
    <p className={styles.speed} data-testid="run-speed">
      {speed === undefined ? "" : `${Math.round(speed)} tokens/s`}
    </p>
  );
}

/** How much of what the model can see at once is used. */
export function ContextMeter({ live }: { live: DocumentLive }) {
  const figures = useRunFigures(live);
  if (figures === undefined || figures.contextLimit === 0) return null;
  const { contextTokens: used, contextLimit } = figures;
  const label = `The model sees ${grouped(used)} of ${grouped(contextLimit)} tokens`;
  return (
    <Tooltip label={label}>
      <meter
        className={styles.meter}
        aria-label="Context used"
        min={0}
        max={contextLimit}
        value={used}
      />
    </Tooltip>
  );
}
