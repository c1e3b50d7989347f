import { Button, Checkbox } from "@mantine/core";
import type { AdminUser } from "#shared/admin.ts";
import { Ago } from "../../components/ago.tsx";
import { columnsOf } from "./admin-table.tsx";
import { RejectPopover } from "./reject-popover.tsx";
import { useDesk } from "./request-desk.ts";
import styles from "./requests.module.css";

const column = columnsOf<AdminUser>();

/** A request as it is decided on. */
export const requestColumns = column.columns([
  column.display({
    id: "chosen",
    header: () => <ChooseAll />,
    cell: ({ row }) => <Choose user={row.original} />,
  }),
  column.display({
    id: "who",
    header: "Who",
    cell: ({ row: { original: user } }) => (
      <>
        <strong className={styles.name}>{user.name}</strong>
        <span className={styles.second}>{user.email}</span>
      </>
    ),
  }),
  column.display({
    id: "as",
    header: "As",
    cell: ({ row: { original: user } }) => (
      <>
        {user.role}
        <span className={styles.second}>{user.organisation}</span>
      </>
    ),
  }),
  column.display({
    id: "why",
    header: "Why",
    cell: ({ row }) => <p className={styles.why}>{row.original.reason ?? "—"}</p>,
  }),
  column.display({
    id: "asked",
    header: "Asked",
    cell: ({ row }) => <Ago time={row.original.createdAt} />,
  }),
  column.display({
    id: "decide",
    header: () => null,
    cell: ({ row }) => <Decide user={row.original} />,
  }),
]);

function ChooseAll() {
  const { rows, chosen, chooseAll } = useDesk();
  return (
    <Checkbox
      size="xs"
      aria-label="Choose all on this page"
      checked={chosen.size > 0 && chosen.size === rows.length}
      indeterminate={chosen.size > 0 && chosen.size < rows.length}
      onChange={(event) => chooseAll(event.currentTarget.checked)}
    />
  );
}

function Choose({ user }: { user: AdminUser }) {
  const { chosen, choose } = useDesk();
  return (
    <Checkbox
      size="xs"
      aria-label={`Choose ${user.name}`}
      checked={chosen.has(user.id)}
      onChange={(event) => choose(user.id, event.currentTarget.checked)}
    />
  );
}

function Decide({ user }: { user: AdminUser }) {
  const desk = useDesk();
  const isAsked = desk.rejecting.length === 1 && desk.rejecting[0] === user.id;
  return (
    <div className={styles.decide}>
      <Button
        size="compact-sm"
        variant="default"
        aria-label={`Approve ${user.name}`}
        onClick={() => desk.approve([user.id])}
      >
        Approve
      </Button>
      <RejectPopover opened={isAsked} question={`Reject ${user.name}?`}>
        <Button
          size="compact-sm"
          variant="subtle"
          aria-label={`Reject ${user.name}`}
          onClick={() => desk.askReason([user.id])}
        >
          Reject
        </Button>
      </RejectPopover>
    </div>
  );
}
