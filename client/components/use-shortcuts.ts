import { useEffect, useRef } from "react";
import { matches, onMac, type ShortcutName, shortcuts } from "./shortcuts.ts";

/** Runs a shortcut's action wherever the focus is; absent actions leave the keys to the browser. */
export function useShortcuts(actions: { [name in ShortcutName]?: (() => void) | undefined }): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const mac = onMac();
    const onKeyDown = (event: KeyboardEvent) => {
      for (const name of Object.keys(shortcuts) as ShortcutName[]) {
        const action = latest.current[name];
        if (action === undefined || !matches(shortcuts[name], event, mac)) continue;
        event.preventDefault();
        event.stopPropagation();
        if (!event.repeat) action();
        return;
      }
    };
    // Captured, so that the editor does not take the keys for its own first.
    window.addEventListener("keydown", onKeyDown, { capture: true });
    return () => window.removeEventListener("keydown", onKeyDown, { capture: true });
  }, []);
}
