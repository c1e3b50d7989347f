import { useEffect, useEffectEvent, useRef, useState } from "react";
import { isTyping } from "./is-typing.ts";

const steps: Readonly<Record<string, number>> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

/** The row that the keyboard stands on: j and k or the arrows move it, and `keys` act on it. */
export function useRowKeys(
  ids: readonly string[],
  keys: Readonly<Record<string, (id: string) => void>>,
): { current: string | undefined; moveTo: (id: string) => void } {
  const [place, setPlace] = useState(0);
  const movedByKey = useRef(false);
  // A row that went leaves its place to the next.
  const current = ids[Math.min(place, ids.length - 1)];
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event) || isPress(event)) return;
    const step = steps[event.key];
    const act = keys[event.key];
    if (step !== undefined) {
      movedByKey.current = true;
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
    // The focus follows the keys, and what stood where a decided row was; it is taken from no field.
    const isLost = document.activeElement === document.body;
    const byKey = movedByKey.current;
    if (current === undefined || !(byKey || isLost)) return;
    movedByKey.current = false;
    const row = document.querySelector<HTMLElement>(`[data-row="${CSS.escape(current)}"]`);
    // The page stays where it is unless it is the person who moves.
    row?.focus({ preventScroll: !byKey });
  }, [current]);
  return { current, moveTo: (id) => setPlace(Math.max(0, ids.indexOf(id))) };
}

/** Enter on a button or a link presses that, and nothing else. */
function isPress({ key, target }: KeyboardEvent): boolean {
  return key === "Enter" && target instanceof Element && target.closest("button, a") !== null;
}
