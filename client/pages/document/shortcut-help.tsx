import { Popover } from "@mantine/core";
import type { ReactNode } from "react";
import { Keys } from "../../components/keys.tsx";
import type { ShortcutName } from "../../components/shortcuts.ts";
import styles from "./shortcut-help.module.css";

const lines: readonly { of: ShortcutName; does: string }[] = [
  { of: "startOrPause", does: "Start, pause or resume" },
  { of: "stop", does: "Stop" },
  { of: "follow", does: "Follow the model" },
  { of: "panel", does: "Open or fold the panel" },
  { of: "help", does: "These shortcuts" },
];

/** The list of shortcuts, hanging from `children`. */
export function ShortcutHelp({
  opened,
  onChange,
  children,
}: {
  opened: boolean;
  onChange: (open: boolean) => void;
  children: ReactNode;
}) {
  return (
    <Popover opened={opened} onChange={onChange} position="bottom-end" width={300}>
      <Popover.Target>{children}</Popover.Target>
      <Popover.Dropdown
        className={styles.help ?? ""}
        aria-label="Keyboard shortcuts"
        tabIndex={-1}
        data-autofocus
      >
        <dl className={styles.list}>
          {lines.map(({ of, does }) => (
            <div key={of}>
              <dt>{does}</dt>
              <dd>
                <Keys of={of} />
              </dd>
            </div>
          ))}
        </dl>
      </Popover.Dropdown>
    </Popover>
  );
}
