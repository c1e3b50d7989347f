import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type AdminUser, type AdminUsersQuery, adminUsersQuerySchema } from "#shared/admin.ts";
import type { User } from "#shared/http.ts";
import { accountRoles, accountStatuses } from "#shared/permissions.ts";
import { adminUsersQuery } from "../../api/admin-users.ts";
import { AdminTable } from "./admin-table.tsx";
import { DefaultQuotaPopover } from "./default-quota-popover.tsx";
import { ListPage } from "./list-page.tsx";
import { SearchBox } from "./search-box.tsx";
import { type ListQuery, useListQuery } from "./use-list-query.ts";
import { useRowKeys } from "./use-row-keys.ts";
import { userColumns } from "./user-columns.tsx";

const noRows: readonly AdminUser[] = [];

/** All accounts: found, sorted, and each with what can be done about it. */
export function UsersPage({ admin }: { admin: User }) {
  const list = useListQuery(adminUsersQuerySchema);
  const { query, change } = list;
  const found = useQuery(adminUsersQuery(query));
  const rows = found.data?.users ?? noRows;
  const columns = useMemo(() => userColumns(admin.id), [admin.id]);
  const ids = useMemo(() => rows.map(({ id }) => id), [rows]);
  const keys = useRowKeys(ids, { Enter: openRowMenu });
  return (
    <ListPage
      title="Users"
      tools={<UserTools {...list} />}
      error={found.error}
      empty={found.isSuccess && rows.length === 0 ? "No account fits this." : undefined}
      page={query.page}
      total={found.data?.total ?? 0}
      onPage={(page) => change({ page })}
    >
      {rows.length > 0 && (
        <AdminTable
          label="Users"
          columns={columns}
          rows={rows}
          rowId={({ id }) => id}
          page={query.page}
          total={found.data?.total ?? 0}
          sort={{ by: query.sort, direction: query.direction }}
          onSort={(by, direction) => {
            const sort = adminUsersQuerySchema.shape.sort.safeParse(by);
            if (sort.success) change({ sort: sort.data, direction });
          }}
          current={keys.current}
          onCurrent={keys.moveTo}
        />
      )}
    </ListPage>
  );
}

function UserTools({ query, change }: ListQuery<AdminUsersQuery>) {
  return (
    <>
      <SearchBox
        label="Name, email, organisation"
        value={query.search}
        onSearch={(search) => change({ search })}
      />
      <NativeSelect
        aria-label="Status"
        size="xs"
        value={query.status ?? ""}
        onChange={(event) =>
          change({ status: accountStatuses.find((each) => each === event.currentTarget.value) })
        }
        data={[{ value: "", label: "Any status" }, ...accountStatuses]}
      />
      <NativeSelect
        aria-label="Role"
        size="xs"
        value={query.role ?? ""}
        onChange={(event) =>
          change({ role: accountRoles.find((each) => each === event.currentTarget.value) })
        }
        data={[{ value: "", label: "Any role" }, ...accountRoles]}
      />
      <DefaultQuotaPopover />
    </>
  );
}

/** Enter on a row opens its menu. */
function openRowMenu(id: string): void {
  document
    .querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"] [aria-haspopup="menu"]`)
    ?.click();
}
