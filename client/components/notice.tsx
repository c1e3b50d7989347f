import type { ReactNode } from "react";
import { useEffect } from "react";
import styles from "./notice.module.css";

/** A page that says one thing: what happened, and what to do. */
export function Notice({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Palimpsest`;
  }, [title]);
  return (
    <main className={styles.notice}>
      <h1>{title}</h1>
      {children}
    </main>
  );
}
