import { Menu } from "@mantine/core";
import { useState } from "react";
import type { AdminUser } from "#shared/admin.ts";
import { accountRoles } from "#shared/permissions.ts";
import { RowMenu } from "./row-menu.tsx";
import { UserForm, type UserFormName } from "./user-forms.tsx";

interface UserRowMenuProps {
  user: AdminUser;
  isSelf: boolean;
}

/** What can be done about an account; each asks what it must where the menu was. */
export function UserRowMenu({ user, isSelf }: UserRowMenuProps) {
  const [form, setForm] = useState<UserFormName | null>(null);
  const close = () => setForm(null);
  return (
    <RowMenu
      name={user.name}
      onClose={close}
      items={<Items user={user} isSelf={isSelf} onForm={setForm} />}
      form={form && <UserForm name={form} user={user} onClose={close} />}
    />
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
