import { NavLink, Outlet } from "react-router";
import type { User } from "#shared/http.ts";
import { PageHeader } from "../../components/page-header.tsx";
import { useWaitingCount } from "../../live/live-provider.tsx";
import styles from "./admin-frame.module.css";
import { LastEvents } from "./last-events.tsx";

const places = [
  ["requests", "Requests"],
  ["users", "Users"],
  ["documents", "Documents"],
  ["models", "Models"],
  ["audit", "Audit"],
  ["health", "Health"],
] as const;

/** The admin's places, and beside each what happened last. */
export function AdminFrame({ user }: { user: User }) {
  const waiting = useWaitingCount();
  return (
    <>
      <PageHeader user={user} />
      <nav className={styles.places} aria-label="Admin">
        {places.map(([path, name]) => (
          <NavLink key={path} to={`/admin/${path}`}>
            {name}
            {path === "requests" && waiting !== null && waiting > 0 && (
              <span className={styles.waiting}>
                {waiting}
                <span className={styles.spoken}> waiting</span>
              </span>
            )}
          </NavLink>
        ))}
      </nav>
      <div className={styles.frame}>
        <main className={styles.main}>
          <Outlet />
        </main>
        <LastEvents />
      </div>
    </>
  );
}
