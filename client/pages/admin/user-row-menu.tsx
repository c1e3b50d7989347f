import { ActionIcon, Menu, Popover } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useState } from "react";
import type { AdminUser } from "#shared/admin.ts";
import { accountRoles } from "#shared/permissions.ts";
import { UserForm, type UserFormName } from "./user-forms.tsx";
import styles from "./users.module.css";

interface UserRowMenuProps {
  user: AdminUser;
  isSelf: boolean;
}

/** What can be done about an account; each asks what it must where the menu was. */
export function UserRowMenu({ user, isSelf }: UserRowMenuProps) {
  const [form, setForm] = useState<UserFormName | null>(null);
  const close = () => setForm(null);
  return (
    <Popover
      opened={form !== null}
      onChange={close}
      width={340}
      position="bottom-end"
      withRoles={false}
    >
      <Popover.Target>
        <div className={styles.menu}>
          <Menu width={220}>
            <Menu.Target>
              <ActionIcon size={24} aria-label={`More for ${user.name}`}>
                <IconDots size={16} aria-hidden="true" />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Items user={user} isSelf={isSelf} onForm={setForm} />
            </Menu.Dropdown>
          </Menu>
        </div>
      </Popover.Target>
      {/* A popover goes with the page; a dialog element would not. */}
      {/* oxlint-disable-next-line jsx-a11y/prefer-tag-over-role */}
      <Popover.Dropdown role="dialog" aria-label={`About ${user.name}`}>
        {form !== null && <UserForm name={form} user={user} onClose={close} />}
      </Popover.Dropdown>
    </Popover>
  );
}

interface ItemsProps extends UserRowMenuProps {
  onForm: (form: UserFormName) => void;
}

function Items({ user, isSelf, onForm }: ItemsProps) {
  const isIn = user.status === "active" || user.status === "suspended";
  return (
    <>
      {user.status === "pending" && (
        <>
          <Menu.Item onClick={() => onForm("approve")}>Approve…</Menu.Item>
          <Menu.Item onClick={() => onForm("reject")}>Reject…</Menu.Item>
        </>
      )}
      {user.status === "rejected" && (
        <Menu.Item onClick={() => onForm("approve")}>Approve after all…</Menu.Item>
      )}
      {isIn && (
        <>
          <Menu.Label>Role</Menu.Label>
          {accountRoles.map((role) => (
            <Menu.Item
              key={role}
              disabled={role === user.role}
              onClick={() => onForm(`role-${role}`)}
            >
              {role === user.role ? `${role} (now)` : `Make ${role}…`}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => onForm("quota")}>Limits…</Menu.Item>
          <Menu.Item onClick={() => onForm("reset")}>Link for a new password…</Menu.Item>
          <Menu.Item onClick={() => onForm("end-sessions")}>Sign out everywhere…</Menu.Item>
        </>
      )}
      {user.status === "active" && !isSelf && (
        <>
          <Menu.Divider />
          <Menu.Item onClick={() => onForm("suspend")}>Suspend…</Menu.Item>
        </>
      )}
      {user.status === "suspended" && (
        <Menu.Item onClick={() => onForm("reinstate")}>Reinstate…</Menu.Item>
      )}
    </>
  );
}
