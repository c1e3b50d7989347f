import type { AuditEvent } from "#shared/admin.ts";
import { columnsOf } from "./admin-table.tsx";
import { phraseOf } from "./audit-phrases.ts";
import styles from "./users.module.css";

const column = columnsOf<AuditEvent>();
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** An event of the log in a line. */
export const auditColumns = column.columns([
  column.display({
    id: "when",
    header: "When",
    cell: ({ row: { original: event } }) => (
      <time className={styles.when} dateTime={event.createdAt}>
        {moment.format(Date.parse(event.createdAt))}
      </time>
    ),
  }),
  column.display({ id: "what", header: "What", cell: ({ row }) => phraseOf(row.original) }),
  column.display({
    id: "details",
    header: "Details",
    cell: ({ row }) => <span className={styles.quiet}>{detailsOf(row.original)}</span>,
  }),
  column.display({
    id: "from",
    header: "From",
    cell: ({ row }) => row.original.address ?? "the server itself",
  }),
]);

/** "role: editor, reason: …" */
function detailsOf({ details }: AuditEvent): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
