import { Button } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { adminPageSize } from "#shared/admin.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./list-page.module.css";

interface ListPageProps {
  title: string;
  /** Search, filters, what can be done with many. */
  tools?: ReactNode;
  error: Error | null;
  /** Said in place of the table; undefined: there are rows, or they are not known yet. */
  empty?: string | undefined;
  page: number;
  total: number;
  onPage: (page: number) => void;
  children: ReactNode;
}

/** A list of an admin: tools, the table, pages. */
export function ListPage(props: ListPageProps) {
  const { title, tools, error, empty, page, total, onPage, children } = props;
  useEffect(() => {
    document.title = `${title} · Palimpsest`;
  }, [title]);
  return (
    <>
      <h1 className={styles.title}>{title}</h1>
      {tools !== undefined && <div className={styles.tools}>{tools}</div>}
      {error !== null && <Refusal error={error} />}
      {empty === undefined ? children : <p className={styles.empty}>{empty}</p>}
      <Pages page={page} total={total} onPage={onPage} />
    </>
  );
}

function Pages({ page, total, onPage }: Pick<ListPageProps, "page" | "total" | "onPage">) {
  const last = Math.max(1, Math.ceil(total / adminPageSize));
  if (last === 1 && page === 1) return null;
  const from = (page - 1) * adminPageSize + 1;
  return (
    <nav className={styles.pages} aria-label="Pages">
      <Button variant="default" size="xs" disabled={page <= 1} onClick={() => onPage(page - 1)}>
        Back
      </Button>
      <span>
        {from <= total
          ? `${from} to ${Math.min(total, page * adminPageSize)} of ${total}`
          : `None here of ${total}`}
      </span>
      <Button variant="default" size="xs" disabled={page >= last} onClick={() => onPage(page + 1)}>
        On
      </Button>
    </nav>
  );
}
