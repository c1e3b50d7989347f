import { useQuery } from "@tanstack/react-query";
import { auditQuery } from "../../api/admin-log.ts";
import { Ago } from "../../components/ago.tsx";
import { phraseOf } from "./audit-phrases.ts";
import styles from "./last-events.module.css";

const shown = 12;
const refreshMs = 20_000;

/** What happened last, told in a line each. */
export function LastEvents() {
  const audit = useQuery({
    ...auditQuery({ search: "", page: 1 }),
    refetchInterval: refreshMs,
  });
  const events = audit.data?.events.slice(0, shown) ?? [];
  if (events.length === 0) return null;
  return (
    <aside className={styles.last} aria-labelledby="last-events">
      <h2 id="last-events">What happened last</h2>
      <ol>
        {events.map((event) => (
          <li key={event.id}>
            {phraseOf(event)}
            <span>
              <Ago time={event.createdAt} />
            </span>
          </li>
        ))}
      </ol>
    </aside>
  );
}
