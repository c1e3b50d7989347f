import { describe, expect, test } from "vitest";
import { keyNames, matches, type PressedKeys, shortcuts } from "./shortcuts.ts";

const pressed = (parts: Partial<PressedKeys>): PressedKeys => ({
  key: "Enter",
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  isComposing: false,
  ...parts,
});

describe("shortcuts", () => {
  test("the modifier is Command on a Mac and Control elsewhere, never the other one", () => {
    const control = pressed({ ctrlKey: true });
    const command = pressed({ metaKey: true });
    expect(matches(shortcuts.startOrPause, control, false)).toBe(true);
    expect(matches(shortcuts.startOrPause, control, true)).toBe(false);
    expect(matches(shortcuts.startOrPause, command, true)).toBe(true);
    expect(matches(shortcuts.startOrPause, command, false)).toBe(false);
  });

  test("a key more than asked for is another shortcut", () => {
    expect(matches(shortcuts.startOrPause, pressed({ ctrlKey: true, shiftKey: true }), false)).toBe(
      false,
    );
    expect(matches(shortcuts.startOrPause, pressed({ ctrlKey: true, altKey: true }), false)).toBe(
      false,
    );
  });

  test("Shift gives capital letters, which are the same key", () => {
    const keys = pressed({ key: "F", ctrlKey: true, shiftKey: true });
    expect(matches(shortcuts.follow, keys, false)).toBe(true);
  });

  test("an input method's keys are its own", () => {
    const keys = pressed({ ctrlKey: true, isComposing: true });
    expect(matches(shortcuts.startOrPause, keys, false)).toBe(false);
  });

  test("no two actions share their keys", () => {
    const all = Object.values(shortcuts).map((shortcut) => keyNames(shortcut, false).join("+"));
    expect(new Set(all).size).toBe(all.length);
  });

  test("keys are shown as they stand on the keyboard", () => {
    expect(keyNames(shortcuts.follow, false)).toEqual(["Ctrl", "Shift", "F"]);
    expect(keyNames(shortcuts.startOrPause, true)).toEqual(["⌘", "↵"]);
  });
});
