import { ActionIcon, Menu, Popover } from "@mantine/core";
import { useDidUpdate } from "@mantine/hooks";
import { IconDots } from "@tabler/icons-react";
import { type ReactNode, useRef } from "react";
import styles from "./users.module.css";

interface RowMenuProps {
  /** Whom or what the row is about. */
  name: string;
  items: ReactNode;
  /** What an item opened, where the menu was; null while nothing is. */
  form: ReactNode;
  onClose: () => void;
}

/** What can be done about one row of a table; the focus comes back to its button. */
export function RowMenu({ name, items, form, onClose }: RowMenuProps) {
  const button = useRef<HTMLButtonElement>(null);
  const opened = form !== null;
  // The menu's item that had the focus before is gone.
  useDidUpdate(() => {
    if (!opened) button.current?.focus();
  }, [opened]);
  return (
    <Popover
      opened={opened}
      onChange={onClose}
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
            <Menu.Dropdown>{items}</Menu.Dropdown>
          </Menu>
        </div>
      </Popover.Target>
      {/* A popover goes with the page; a dialog element would not. */}
      {/* oxlint-disable-next-line jsx-a11y/prefer-tag-over-role */}
      <Popover.Dropdown role="dialog" aria-label={`About ${name}`}>
        {form}
      </Popover.Dropdown>
    </Popover>
  );
}
