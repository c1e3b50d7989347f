import { useQuery } from "@tanstack/react-query";
import type { Model } from "#shared/http.ts";
import { modelsQuery } from "../../api/models.ts";
import { AdminTable, columnsOf } from "./admin-table.tsx";
import { ListPage } from "./list-page.tsx";
import styles from "./users.module.css";

const noRows: readonly Model[] = [];
const column = columnsOf<Model>();

const columns = column.columns([
  column.display({
    id: "name",
    header: "Name",
    cell: ({ row: { original: model } }) => (
      <>
        <strong className={styles.name}>{model.name}</strong>
        {model.default && <span className={styles.quiet}> (the default)</span>}
      </>
    ),
  }),
  column.display({ id: "id", header: "Id", cell: ({ row }) => row.original.id }),
  column.display({
    id: "parameters",
    header: "Parameters",
    cell: ({ row }) => row.original.parameters.toLocaleString("en"),
  }),
  column.display({
    id: "context",
    header: "Context, tokens",
    cell: ({ row }) => row.original.contextTokens.toLocaleString("en"),
  }),
  column.display({
    id: "precision",
    header: "Precision",
    cell: ({ row }) => row.original.precision,
  }),
]);

/** What this installation can write with. */
export function ModelsPage() {
  const models = useQuery(modelsQuery);
  const rows = models.data ?? noRows;
  return (
    <ListPage
      title="Models"
      error={models.error}
      empty={models.isSuccess && rows.length === 0 ? "No model is installed." : undefined}
      page={1}
      total={rows.length}
      onPage={() => {}}
    >
      {rows.length > 0 && (
        <AdminTable label="Models" columns={columns} rows={rows} rowId={({ id }) => id} />
      )}
    </ListPage>
  );
}
