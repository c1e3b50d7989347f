import type { User } from "#shared/http.ts";
import { AccountMenu } from "./account-menu.tsx";
import styles from "./page-header.module.css";
import { Wordmark } from "./wordmark.tsx";

/** The product's name, which leads to the documents, and the account's menu. */
export function PageHeader({ user }: { user: User }) {
  return (
    <header className={styles.header}>
      <Wordmark />
      <AccountMenu user={user} />
    </header>
  );
}
