import { useEffect, useEffectEvent, useState } from "react";
import { isTyping } from "./is-typing.ts";

const steps: Readonly<Record<string, number>> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

/**
 * The row that the keyboard stands on: j and k or the arrows move it, and `keys` act on it. Gives its
 * place, -1 where there is none.
 */
export function useRowKeys(
  ids: readonly string[],
  keys: Readonly<Record<string, (id: string) => void>>,
): { current: string | undefined; moveTo: (id: string) => void } {
  const [place, setPlace] = useState(0);
  const [moved, setMoved] = useState(false);
  // A row that went leaves its place to the next.
  const current = ids[Math.min(place, ids.length - 1)];
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event)) return;
    const step = steps[event.key];
    const act = keys[event.key];
    if (step !== undefined) {
      setPlace(Math.max(0, Math.min(ids.length - 1, Math.min(place, ids.length - 1) + step)));
      setMoved(true);
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
    if (moved && current !== undefined)
      document.querySelector<HTMLElement>(`[data-row="${CSS.escape(current)}"]`)?.focus();
  }, [moved, current]);
  return { current, moveTo: (id) => setPlace(Math.max(0, ids.indexOf(id))) };
}
