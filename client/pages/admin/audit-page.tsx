import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type AuditEvent, type AuditQuery, auditQuerySchema } from "#shared/admin.ts";
import { auditActions, auditTargetKinds } from "#shared/audit.ts";
import { auditExportPath, auditQuery } from "../../api/admin-log.ts";
import { AdminTable } from "./admin-table.tsx";
import { auditColumns } from "./audit-columns.tsx";
import { nameOfAction } from "./audit-phrases.ts";
import styles from "./list-page.module.css";
import { ListPage } from "./list-page.tsx";
import { SearchBox } from "./search-box.tsx";
import { type ListQuery, useListQuery } from "./use-list-query.ts";

const noRows: readonly AuditEvent[] = [];

/** Who did what to whom, when and from where. */
export function AuditPage() {
  const list = useListQuery(auditQuerySchema);
  const { query, change } = list;
  const found = useQuery(auditQuery(query));
  const rows = found.data?.events ?? noRows;
  const total = found.data?.total ?? 0;
  return (
    <ListPage
      title="Audit"
      tools={<AuditTools {...list} />}
      error={found.error}
      empty={found.isSuccess && rows.length === 0 ? "Nothing that fits this happened." : undefined}
      page={query.page}
      total={total}
      onPage={(page) => change({ page })}
    >
      {rows.length > 0 && (
        <AdminTable
          label="Audit"
          columns={auditColumns}
          rows={rows}
          rowId={({ id }) => String(id)}
          page={query.page}
          total={total}
        />
      )}
    </ListPage>
  );
}

function AuditTools({ query, change }: ListQuery<AuditQuery>) {
  return (
    <>
      <SearchBox
        label="Name, email"
        value={query.search}
        onSearch={(search) => change({ search })}
      />
      <NativeSelect
        aria-label="What"
        className={styles.narrow ?? ""}
        size="xs"
        value={query.action ?? ""}
        onChange={(event) =>
          change({ action: auditActions.find((each) => each === event.currentTarget.value) })
        }
        data={[
          { value: "", label: "Anything" },
          ...auditActions.map((action) => ({ value: action, label: nameOfAction(action) })),
        ]}
      />
      <NativeSelect
        aria-label="To what"
        className={styles.narrow ?? ""}
        size="xs"
        value={query.target ?? ""}
        onChange={(event) =>
          change({ target: auditTargetKinds.find((each) => each === event.currentTarget.value) })
        }
        data={[{ value: "", label: "To anything" }, ...auditTargetKinds]}
      />
      <DayInput label="From" value={query.from} onDay={(from) => change({ from })} />
      <DayInput label="To" value={query.to} onDay={(to) => change({ to })} />
      <Button component="a" href={auditExportPath(query)} download size="xs" variant="default">
        Download as CSV
      </Button>
    </>
  );
}

interface DayInputProps {
  label: string;
  value: string | undefined;
  onDay: (day: string | undefined) => void;
}

function DayInput({ label, value, onDay }: DayInputProps) {
  return (
    <TextInput
      type="date"
      label={label}
      className={styles.day ?? ""}
      size="xs"
      value={value ?? ""}
      onChange={(event) =>
        onDay(event.currentTarget.value === "" ? undefined : event.currentTarget.value)
      }
    />
  );
}
