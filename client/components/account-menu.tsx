import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconLogout } from "@tabler/icons-react";
import type { User } from "#shared/http.ts";
import { useSignOut } from "../api/session.ts";
import styles from "./account-menu.module.css";
import { ColorSchemeItems } from "./color-scheme-items.tsx";

/** Who is signed in; light and dark; sign out. */
export function AccountMenu({ user }: { user: User }) {
  const signOut = useSignOut();
  return (
    <Menu>
      <Menu.Target>
        <Button variant="subtle" rightSection={<IconChevronDown size={16} aria-hidden="true" />}>
          {user.name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <p className={styles.who}>
          {user.email}
          <span>{user.role}</span>
        </p>
        <Menu.Divider />
        <ColorSchemeItems />
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLogout size={16} aria-hidden="true" />}
          onClick={() => signOut.mutate()}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
