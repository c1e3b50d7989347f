/** One combination of keys; `mod` is Command on a Mac and Control elsewhere. */
export interface Shortcut {
  mod: boolean;
  shift: boolean;
  /** As in KeyboardEvent.key, lower case. */
  key: string;
}

export const shortcutNames = ["startOrPause", "stop", "follow", "panel", "help"] as const;
export type ShortcutName = (typeof shortcutNames)[number];

/** The page's combinations; those of the text itself (bold, undo …) are the editor's. */
export const shortcuts = {
  startOrPause: { mod: true, shift: false, key: "enter" },
  stop: { mod: true, shift: false, key: "." },
  follow: { mod: true, shift: true, key: "f" },
  panel: { mod: true, shift: false, key: "\\" },
  help: { mod: true, shift: false, key: "/" },
} as const satisfies { [name in ShortcutName]: Shortcut };

export type PressedKeys = Pick<
  KeyboardEvent,
  "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey" | "isComposing"
>;

/** Whether exactly these keys are pressed; never while an input method composes. */
export function matches(shortcut: Shortcut, event: PressedKeys, mac: boolean): boolean {
  if (event.isComposing || event.altKey) return false;
  const mod = mac ? event.metaKey : event.ctrlKey;
  const otherMod = mac ? event.ctrlKey : event.metaKey;
  return (
    mod === shortcut.mod &&
    !otherMod &&
    event.shiftKey === shortcut.shift &&
    event.key.toLowerCase() === shortcut.key
  );
}

/** The keys as they stand on the keyboard, to be shown: ["Ctrl", "Enter"] or ["⌘", "↵"]. */
export function keyNames(shortcut: Shortcut, mac: boolean): string[] {
  const names: string[] = [];
  if (shortcut.mod) names.push(mac ? "⌘" : "Ctrl");
  if (shortcut.shift) names.push(mac ? "⇧" : "Shift");
  names.push(keyName(shortcut.key, mac));
  return names;
}

function keyName(key: string, mac: boolean): string {
  if (key === "enter") return mac ? "↵" : "Enter";
  return key.toUpperCase();
}

/** Whether this browser runs on a Mac, an iPhone or an iPad. */
export function onMac(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}
