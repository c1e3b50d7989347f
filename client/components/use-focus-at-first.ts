import { type RefObject, useEffect, useRef } from "react";

/** Focuses a field that takes the place of what was pressed: the focus would be nowhere otherwise. */
export function useFocusAtFirst(): RefObject<HTMLInputElement | null> {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return field;
}
