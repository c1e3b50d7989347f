import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconLogout, IconUser, IconUsers } from "@tabler/icons-react";
import { Link } from "react-router";
import type { User } from "#shared/http.ts";
import { mayGlobally } from "#shared/permissions.ts";
import { useWaitingCount } from "../live/live-provider.tsx";
import styles from "./account-menu.module.css";
import { ColorSchemeItems } from "./color-scheme-items.tsx";
import { SignOutGuard } from "./sign-out-guard.tsx";

const icon = { size: 16, "aria-hidden": true } as const;

/** Who is signed in; the account's page, the admin's; light and dark; sign out. */
export function AccountMenu({ user }: { user: User }) {
  const waiting = useWaitingCount() ?? 0;
  return (
    <SignOutGuard user={user}>
      {(signOut) => (
        <Menu width={240}>
          <Menu.Target>
            <Button
              variant="subtle"
              className={styles.button ?? ""}
              rightSection={<IconChevronDown {...icon} />}
            >
              <span className={styles.name}>{user.name}</span>
              {waiting > 0 && <span className={styles.waiting}>{waiting} waiting</span>}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <p className={styles.who}>
              {user.email}
              <span>{user.role}</span>
            </p>
            <Menu.Divider />
            <Menu.Item component={Link} to="/account" leftSection={<IconUser {...icon} />}>
              Your account
            </Menu.Item>
            {mayGlobally(user.role, "administer") && (
              <Menu.Item
                component={Link}
                to="/admin"
                leftSection={<IconUsers {...icon} />}
                rightSection={<span className={styles.count}>{waitingWords(waiting)}</span>}
              >
                Admin
              </Menu.Item>
            )}
            <Menu.Divider />
            <ColorSchemeItems />
            <Menu.Divider />
            <Menu.Item leftSection={<IconLogout {...icon} />} onClick={signOut}>
              Sign out
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </SignOutGuard>
  );
}

function waitingWords(waiting: number): string {
  if (waiting === 0) return "";
  return waiting === 1 ? "1 request" : `${waiting} requests`;
}
