import { useEffect, useEffectEvent } from "react";
import { matches, onMac, type ShortcutName, shortcutNames, shortcuts } from "./shortcuts.ts";

/** Runs a shortcut's action wherever the focus is; absent actions leave the keys to the browser. */
export function useShortcuts(actions: { [name in ShortcutName]?: (() => void) | undefined }): void {
  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    const name = shortcutNames.find((each) => matches(shortcuts[each], event, onMac()));
    const action = name && actions[name];
    if (action === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) action();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKeyDown(event);
    // Captured, so that the editor does not take the keys for its own first.
    window.addEventListener("keydown", listener, { capture: true });
    return () => window.removeEventListener("keydown", listener, { capture: true });
  }, []);
}
