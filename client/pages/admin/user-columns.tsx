import type { AdminUser } from "#shared/admin.ts";
import { Ago } from "../../components/ago.tsx";
import { columnsOf } from "./admin-table.tsx";
import { UserRowMenu } from "./user-row-menu.tsx";
import styles from "./users.module.css";

const column = columnsOf<AdminUser>();

/** An account in a line; the admin who looks cannot be done harm by a slip of their own. */
export const userColumns = (adminId: string) =>
  column.columns([
    column.accessor("name", {
      header: "Name",
      cell: ({ row: { original: user } }) => (
        <>
          <strong className={styles.name}>{user.name}</strong>
          {user.id === adminId && <span className={styles.quiet}> (you)</span>}
          <span className={styles.second}>{user.organisation}</span>
        </>
      ),
    }),
    column.accessor("email", { header: "Email" }),
    column.accessor("role", { header: "Role" }),
    column.accessor("status", {
      header: "Status",
      cell: ({ row }) => <Status user={row.original} />,
    }),
    column.display({
      id: "totp",
      header: "2nd factor",
      cell: ({ row }) => (row.original.totp ? "on" : ""),
    }),
    column.display({
      id: "seen",
      header: "Last seen",
      cell: ({ row: { original: user } }) =>
        user.lastSeenAt === null ? "never" : <Ago time={user.lastSeenAt} />,
    }),
    column.accessor("createdAt", {
      header: "Joined",
      cell: ({ row }) => <Ago time={row.original.createdAt} />,
    }),
    column.display({
      id: "menu",
      header: () => null,
      cell: ({ row: { original: user } }) => (
        <UserRowMenu user={user} isSelf={user.id === adminId} />
      ),
    }),
  ]);

function Status({ user }: { user: AdminUser }) {
  return (
    <>
      <span data-status={user.status} className={styles.status}>
        {user.status}
        {user.status !== "active" && user.statusChangedBy && ` by ${user.statusChangedBy.name}`}
      </span>
      {user.status !== "active" && user.statusReason && (
        <span className={styles.reason}>“{user.statusReason}”</span>
      )}
    </>
  );
}
