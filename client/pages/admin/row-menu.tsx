import { ActionIcon, Menu, Popover } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { type ReactNode, useRef, useState } from "react";
import styles from "./users.module.css";

interface RowMenuProps<FormName extends string> {
  /** Whom or what the row is about. */
  name: string;
  /** The menu's items, each of which opens a form. */
  items: (open: (form: FormName) => void) => ReactNode;
  /** What asks for the rest, where the menu was. */
  form: (form: FormName, close: () => void) => ReactNode;
}

/** What can be done about one row of a table; the focus comes back to its button. */
export function RowMenu<FormName extends string>({ name, items, form }: RowMenuProps<FormName>) {
  const [opened, setOpened] = useState<FormName | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpened(null);
    // The menu's item that had the focus is gone.
    button.current?.focus();
  };
  return (
    <Popover
      opened={opened !== null}
      onChange={close}
      width={340}
      position="bottom-end"
      withRoles={false}
      returnFocus={false}
    >
      <Popover.Target>
        <div className={styles.menu}>
          <Menu width={220}>
            <Menu.Target>
              <ActionIcon ref={button} size={24} aria-label={`More for ${name}`}>
                <IconDots size={16} aria-hidden="true" />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>{items(setOpened)}</Menu.Dropdown>
          </Menu>
        </div>
      </Popover.Target>
      {/* A popover goes with the page; a dialog element would not. */}
      {/* oxlint-disable-next-line jsx-a11y/prefer-tag-over-role */}
      <Popover.Dropdown role="dialog" aria-label={`About ${name}`}>
        {opened !== null && form(opened, close)}
      </Popover.Dropdown>
    </Popover>
  );
}
