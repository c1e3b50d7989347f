import type { AdminDocument } from "#shared/admin.ts";
import { isLive } from "#shared/run.ts";
import { Ago } from "../../components/ago.tsx";
import { columnsOf } from "./admin-table.tsx";
import { DocumentRowMenu } from "./document-row-menu.tsx";
import { inBytes } from "./in-bytes.ts";
import styles from "./users.module.css";

const column = columnsOf<AdminDocument>();

/** A document in a line, as an admin sees it. */
export const documentColumns = column.columns([
  column.accessor("title", {
    header: "Title",
    cell: ({ row }) => <strong className={styles.name}>{row.original.title}</strong>,
  }),
  column.accessor(({ owner }) => owner.name, { id: "owner", header: "Owner" }),
  column.display({ id: "people", header: "People", cell: ({ row }) => row.original.people }),
  column.display({
    id: "run",
    header: "Run",
    cell: ({ row: { original: document } }) =>
      document.run !== null && isLive(document.run.state)
        ? `${document.run.state}, by ${document.run.startedBy.name}`
        : "",
  }),
  column.accessor("sizeBytes", {
    id: "size",
    header: "Size",
    cell: ({ row }) => inBytes(row.original.sizeBytes),
  }),
  column.accessor("updatedAt", {
    header: "Changed",
    cell: ({ row }) => <Ago time={row.original.updatedAt} />,
  }),
  column.accessor("createdAt", {
    header: "Made",
    cell: ({ row }) => <Ago time={row.original.createdAt} />,
  }),
  column.display({
    id: "fate",
    header: () => null,
    cell: ({ row }) => <span className={styles.quiet}>{fateOf(row.original)}</span>,
  }),
  column.display({
    id: "menu",
    header: () => null,
    cell: ({ row }) => <DocumentRowMenu document={row.original} />,
  }),
]);

function fateOf({ archivedAt, purgeAt }: AdminDocument): string {
  if (purgeAt !== null) {
    const day = new Date(purgeAt).toLocaleDateString("en-GB", { dateStyle: "medium" });
    return `goes on ${day}`;
  }
  return archivedAt === null ? "" : "archived";
}
