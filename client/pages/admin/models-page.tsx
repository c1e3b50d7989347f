import { useQuery } from "@tanstack/react-query";
import type { AdminModel } from "#shared/models.ts";
import { adminModelsQuery } from "../../api/admin-models.ts";
import { AddModelPopover } from "./add-model-popover.tsx";
import { AdminTable } from "./admin-table.tsx";
import { inBytes } from "./in-bytes.ts";
import { ListPage } from "./list-page.tsx";
import { modelColumns } from "./model-columns.tsx";
import { ModelJobs } from "./model-jobs.tsx";
import styles from "./models.module.css";

const noRows: readonly AdminModel[] = [];

/** What this installation can write with, and what is being added to it. */
export function ModelsPage() {
  const answer = useQuery(adminModelsQuery);
  const rows = answer.data?.models ?? noRows;
  const isEmpty = answer.isSuccess && rows.length === 0;
  return (
    <ListPage
      title="Models"
      tools={
        answer.data && (
          <>
            <AddModelPopover models={answer.data} />
            <span className={styles.free}>{inBytes(answer.data.freeBytes)} free on the disk</span>
          </>
        )
      }
      error={answer.error}
      empty={undefined}
      page={1}
      total={rows.length}
      onPage={() => {}}
    >
      {answer.data && <ModelJobs jobs={answer.data.jobs} />}
      {isEmpty && (
        <p className={styles.empty}>
          No model is installed, so nothing can be written. Add one: distilgpt2 is the quickest.
        </p>
      )}
      {rows.length > 0 && (
        <AdminTable label="Models" columns={modelColumns} rows={rows} rowId={({ id }) => id} />
      )}
    </ListPage>
  );
}
