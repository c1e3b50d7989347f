import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type AdminUser, adminUsersQuerySchema } from "#shared/admin.ts";
import { adminUsersQuery } from "../../api/admin-users.ts";
import { AdminTable } from "./admin-table.tsx";
import { ListPage } from "./list-page.tsx";
import { requestColumns } from "./request-columns.tsx";
import { RequestDeskProvider } from "./request-desk.ts";
import { RequestTools } from "./request-tools.tsx";
import { useListQuery } from "./use-list-query.ts";
import { useRequestDesk } from "./use-request-desk.ts";
import { useRowKeys } from "./use-row-keys.ts";

const noRows: readonly AdminUser[] = [];

/** Who asks to join: approved or rejected where the eye is, one by one or many at once. */
export function RequestsPage() {
  const { query, change } = useListQuery(adminUsersQuerySchema);
  const { search, page } = query;
  const found = useQuery(
    // The longest wait first.
    adminUsersQuery({ search, page, status: "pending", sort: "createdAt", direction: "asc" }),
  );
  const rows = found.data?.users ?? noRows;
  const desk = useRequestDesk(rows);
  const ids = useMemo(() => rows.map(({ id }) => id), [rows]);
  const keys = useRowKeys(ids, {
    a: (id) => desk.approve(desk.concerned(id)),
    r: (id) => desk.askReason(desk.concerned(id)),
    x: (id) => desk.choose(id, !desk.chosen.has(id)),
  });
  return (
    <RequestDeskProvider value={desk}>
      <ListPage
        title="Requests"
        tools={<RequestTools search={search} onSearch={(text) => change({ search: text })} />}
        error={found.error}
        empty={found.isSuccess && rows.length === 0 ? emptySentence(search) : undefined}
        page={page}
        total={found.data?.total ?? 0}
        onPage={(next) => change({ page: next })}
      >
        {rows.length > 0 && (
          <AdminTable
            label="Requests"
            columns={requestColumns}
            rows={rows}
            rowId={({ id }) => id}
            page={page}
            total={found.data?.total ?? 0}
            current={keys.current}
            onCurrent={keys.moveTo}
          />
        )}
      </ListPage>
    </RequestDeskProvider>
  );
}

function emptySentence(search: string): string {
  return search === "" ? "Nobody waits." : "Nobody who waits fits this search.";
}
