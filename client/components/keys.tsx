import { Kbd } from "@mantine/core";
import styles from "./keys.module.css";
import { keyNames, onMac, type ShortcutName, shortcuts } from "./shortcuts.ts";

/** A shortcut's keys, as they stand on this person's keyboard. */
export function Keys({ of }: { of: ShortcutName }) {
  return (
    <span className={styles.keys}>
      {keyNames(shortcuts[of], onMac()).map((key) => (
        <Kbd key={key} size="xs">
          {key}
        </Kbd>
      ))}
    </span>
  );
}

/** A control's name and its keys, for a tooltip. */
export function NameWithKeys({ name, of }: { name: string; of: ShortcutName }) {
  return (
    <span className={styles.named}>
      {name} <Keys of={of} />
    </span>
  );
}
