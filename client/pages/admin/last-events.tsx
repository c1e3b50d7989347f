import { useQuery } from "@tanstack/react-query";
import type { AuditEvent } from "#shared/admin.ts";
import { auditQuery } from "../../api/admin-log.ts";
import { Ago } from "../../components/ago.tsx";
import { phraseOf } from "./audit-phrases.ts";
import styles from "./last-events.module.css";

const shown = 12;
const refreshMs = 20_000;
/** Everyday comings and goings; the log itself has them. */
const everyday: readonly string[] = ["session.signed_in", "session.signed_out"];

/** What happened last, told in a line each. */
export function LastEvents() {
  const audit = useQuery({
    ...auditQuery({ search: "", page: 1 }),
    refetchInterval: refreshMs,
  });
  const lines = told(audit.data?.events ?? []).slice(0, shown);
  if (lines.length === 0) return null;
  return (
    <aside className={styles.last} aria-labelledby="last-events">
      <h2 id="last-events">What happened last</h2>
      <ol>
        {lines.map(({ event, phrase, times }) => (
          <li key={event.id}>
            <p title={phrase}>{phrase}</p>
            <span>
              {times > 1 && `${times} times, last `}
              <Ago time={event.createdAt} />
            </span>
          </li>
        ))}
      </ol>
    </aside>
  );
}

interface Line {
  /** The newest of those that the line stands for. */
  event: AuditEvent;
  phrase: string;
  times: number;
}

/** The same thing again and again is told once. */
function told(events: readonly AuditEvent[]): readonly Line[] {
  const lines: Line[] = [];
  for (const event of events.filter(({ action }) => !everyday.includes(action))) {
    const phrase = phraseOf(event);
    const last = lines.at(-1);
    if (last?.phrase === phrase) last.times++;
    else lines.push({ event, phrase, times: 1 });
  }
  return lines;
}
