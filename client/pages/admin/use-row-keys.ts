import { useEffect, useEffectEvent, useRef, useState } from "react";
import { isTyping } from "./is-typing.ts";

const steps: Readonly<Record<string, number>> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

/**
 * The row that the keyboard stands on: j and k or the arrows move it, and `keys` act on it.
 */
export function useRowKeys(
  ids: readonly string[],
  keys: Readonly<Record<string, (id: string) => void>>,
): { current: string | undefined; moveTo: (id: string) => void } {
  const [place, setPlace] = useState(0);
  const last = useRef<string>(undefined);
  // A row that went leaves its place to the next.
  const current = ids[Math.min(place, ids.length - 1)];
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event) || isPress(event)) return;
    const step = steps[event.key];
    const act = keys[event.key];
    if (step !== undefined) {
      setPlace(Math.max(0, Math.min(ids.length - 1, Math.min(place, ids.length - 1) + step)));
    } else if (act !== undefined && current !== undefined) act(current);
    else return;
    event.preventDefault();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKey(event);
    window.addEventListener("keydown", listener);
    return () => window.removeEventListener("keydown", listener);
  }, []);
  useEffect(() => {
    const isFirst = last.current === undefined;
    last.current = current;
    if (isFirst || current === undefined) return;
    const row = document.querySelector<HTMLElement>(`[data-row="${CSS.escape(current)}"]`);
    // A row that is focused from within already keeps its focus where it is.
    if (row !== null && !row.contains(document.activeElement)) row.focus();
  }, [current]);
  return { current, moveTo: (id) => setPlace(Math.max(0, ids.indexOf(id))) };
}

/** Enter on a button or a link presses that, and nothing else. */
function isPress({ key, target }: KeyboardEvent): boolean {
  return key === "Enter" && target instanceof Element && target.closest("button, a") !== null;
}
