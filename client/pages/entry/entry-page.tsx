import { type ReactNode, useEffect } from "react";
import styles from "./entry-page.module.css";

interface EntryPageProps {
  /** What the page is for. */
  title: string;
  /** Says more than the promise of the sign-in page; left out, the promise stands there. */
  heading?: string;
  children: ReactNode;
}

/** A narrow column for whoever is not signed in. */
export function EntryPage({ title, heading, children }: EntryPageProps) {
  useEffect(() => {
    document.title = `${title} · Palimpsest`;
  }, [title]);
  return (
    <main className={styles.page}>
      <div className={styles.column} data-short={heading !== undefined}>
        <h1 className={styles.name}>
          Palimpsest
          <span className={styles.caret} aria-hidden="true" />
        </h1>
        {heading === undefined ? (
          <p className={styles.promise}>
            A manuscript that a language model writes and people write over, live.
          </p>
        ) : (
          <h2 className={styles.heading}>{heading}</h2>
        )}
        {children}
      </div>
    </main>
  );
}
