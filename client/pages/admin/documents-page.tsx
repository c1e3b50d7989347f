import { Checkbox } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type AdminDocument, adminDocumentsQuerySchema } from "#shared/admin.ts";
import { adminDocumentsQuery } from "../../api/admin-documents.ts";
import { AdminTable } from "./admin-table.tsx";
import { documentColumns } from "./document-columns.tsx";
import { ListPage } from "./list-page.tsx";
import { SearchBox } from "./search-box.tsx";
import { useListQuery } from "./use-list-query.ts";
import { useRowKeys } from "./use-row-keys.ts";

const noRows: readonly AdminDocument[] = [];
const sorts = adminDocumentsQuerySchema.shape.sort;

/** All documents: whose they are, what runs in them, how large they are; never their text. */
export function DocumentsPage() {
  const { query, change } = useListQuery(adminDocumentsQuerySchema);
  const found = useQuery(adminDocumentsQuery(query));
  const rows = found.data?.documents ?? noRows;
  const total = found.data?.total ?? 0;
  const ids = useMemo(() => rows.map(({ id }) => id), [rows]);
  const keys = useRowKeys(ids, {});
  return (
    <ListPage
      title="Documents"
      tools={
        <>
          <SearchBox
            label="Title, owner"
            value={query.search}
            onSearch={(search) => change({ search })}
          />
          <Checkbox
            size="xs"
            label="Being written now"
            checked={query.live === "true"}
            onChange={(event) => change({ live: event.currentTarget.checked ? "true" : undefined })}
          />
        </>
      }
      error={found.error}
      empty={found.isSuccess && rows.length === 0 ? "No document fits this." : undefined}
      page={query.page}
      total={total}
      onPage={(page) => change({ page })}
    >
      {rows.length > 0 && (
        <AdminTable
          label="Documents"
          columns={documentColumns}
          rows={rows}
          rowId={({ id }) => id}
          page={query.page}
          total={total}
          sort={{ by: query.sort, direction: query.direction }}
          onSort={(by, direction) => {
            const sort = sorts.safeParse(by);
            if (sort.success) change({ sort: sort.data, direction });
          }}
          current={keys.current}
          onCurrent={keys.moveTo}
        />
      )}
    </ListPage>
  );
}
