import { Table } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import {
  type ColumnDef,
  createColumnHelper,
  type Header,
  type RowData,
  rowPaginationFeature,
  rowSortingFeature,
  type SortingState,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import type { ReactNode } from "react";
import { adminPageSize } from "#shared/admin.ts";
import styles from "./admin-table.module.css";

/** Rows come in pages, sorted by the server: the table knows of both and does neither. */
const features = tableFeatures({ rowSortingFeature, rowPaginationFeature });
type Features = typeof features;

/** Makes a table's columns; a sorted one has the name that the server sorts by as its id. */
export function columnsOf<Row extends RowData>() {
  return createColumnHelper<Features, Row>();
}

interface AdminTableProps<Row extends RowData> {
  label: string;
  // What a cell holds differs from column to column, and is the column's own affair.
  // oxlint-disable-next-line typescript/no-explicit-any
  columns: readonly ColumnDef<Features, Row, any>[];
  rows: readonly Row[];
  rowId: (row: Row) => string;
  page?: number;
  total?: number;
  sort?: { by: string; direction: "asc" | "desc" };
  onSort?: (by: string, direction: "asc" | "desc") => void;
  /** The row that the keyboard stands on. */
  current?: string | undefined;
  onCurrent?: (id: string) => void;
}

/** A dense, plain table; its head sorts where the server can. */
export function AdminTable<Row extends RowData>(props: AdminTableProps<Row>) {
  const { label, columns, rows, rowId, page = 1, total = rows.length, sort, onSort } = props;
  const sorting: SortingState = sort ? [{ id: sort.by, desc: sort.direction === "desc" }] : [];
  const table = useTable({
    features,
    columns,
    data: rows,
    getRowId: rowId,
    manualSorting: true,
    manualPagination: true,
    enableSortingRemoval: false,
    enableSorting: onSort !== undefined,
    rowCount: total,
    state: { sorting, pagination: { pageIndex: page - 1, pageSize: adminPageSize } },
    onSortingChange: (change) => {
      const [first] = typeof change === "function" ? change(sorting) : change;
      if (first !== undefined) onSort?.(first.id, first.desc ? "desc" : "asc");
    },
  });
  return (
    <div className={styles.scroller}>
      <Table className={styles.table ?? ""} aria-label={label}>
        <Table.Thead>
          {table.getHeaderGroups().map((group) => (
            <Table.Tr key={group.id}>
              {group.headers.map((header) => (
                <HeadCell key={header.id} header={header}>
                  <table.FlexRender header={header} />
                </HeadCell>
              ))}
            </Table.Tr>
          ))}
        </Table.Thead>
        <Table.Tbody>
          {table.getRowModel().rows.map((row) => (
            <Table.Tr
              key={row.id}
              data-row={row.id}
              tabIndex={-1}
              aria-current={row.id === props.current || undefined}
              onFocus={() => props.onCurrent?.(row.id)}
            >
              {row.getAllCells().map((cell) => (
                <Table.Td
                  key={cell.id}
                  data-column={cell.column.id}
                  data-label={labelOf(cell.column.columnDef.header)}
                >
                  <table.FlexRender cell={cell} />
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

interface HeadCellProps<Row extends RowData> {
  header: Header<Features, Row>;
  children: ReactNode;
}

function HeadCell<Row extends RowData>({ header, children }: HeadCellProps<Row>) {
  const { column } = header;
  if (!column.getCanSort()) return <Table.Th data-column={column.id}>{children}</Table.Th>;
  const sorted = column.getIsSorted();
  const Arrow = sorted === "asc" ? IconArrowUp : IconArrowDown;
  return (
    <Table.Th
      data-column={column.id}
      aria-sort={sorted === false ? "none" : sorted === "asc" ? "ascending" : "descending"}
    >
      <button type="button" className={styles.sort} onClick={column.getToggleSortingHandler()}>
        {children}
        <Arrow size={14} aria-hidden="true" data-shown={sorted !== false} />
      </button>
    </Table.Th>
  );
}

/** A phone shows each cell on a line of its own, after its column's name. */
function labelOf(header: unknown): string | undefined {
  return typeof header === "string" ? header : undefined;
}
