import { useCallback, useEffect, useLayoutEffect, useRef, useSyncExternalStore } from "react";
import type * as Y from "yjs";
import { cleanText } from "#shared/plain-text.ts";
import type { CompositionGate } from "./composition-gate.ts";
import { textDelta } from "./delta.ts";
import { type DocumentConnection, isWritable } from "./document-connection.ts";
import { mapOffset, textDifference } from "./text-difference.ts";
import { useConnectionState } from "./use-connection.ts";

const mostCharacters = 200;
const titleOrigin = { title: true };

export interface TitleProps {
  connection: DocumentConnection;
  editable: boolean;
  /** Enter was pressed: the page moves on to the text. */
  onEnter?: () => void;
  className?: string;
}

/** The document's title, one line, edited in place by everybody at once. */
export function Title({ connection, editable, onEnter, className = "" }: TitleProps) {
  const ready = useConnectionState(connection, (state) => state.ready);
  const replica = useConnectionState(connection, (state) => state.replica);
  const takesWords = useConnectionState(connection, isWritable);
  const input = useRef<HTMLInputElement>(null);
  const { value, change } = useSharedLine(replica.title, input);
  const composition = useCompositionHold(replica.gate);
  return (
    <input
      ref={input}
      className={`document-title ${className}`}
      aria-label="Title"
      placeholder="Untitled"
      maxLength={mostCharacters}
      readOnly={!editable || !ready || !takesWords}
      value={value}
      onChange={(event) => change(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !event.nativeEvent.isComposing) onEnter?.();
      }}
      {...composition}
    />
  );
}

/** The value of `text`, and how to change it; others' changes leave the caret where it was. */
function useSharedLine(text: Y.Text, input: React.RefObject<HTMLInputElement | null>) {
  const caret = useRef<[number, number] | null>(null);
  const subscribe = useCallback(
    (listener: () => void) => {
      const observe = (event: Y.YTextEvent, { origin }: Y.Transaction) => {
        if (origin !== titleOrigin) caret.current = mappedCaret(input.current, event);
        listener();
      };
      text.observe(observe);
      return () => text.unobserve(observe);
    },
    [text, input],
  );
  const value = useSyncExternalStore(subscribe, () => text.toJSON());
  useLayoutEffect(() => {
    if (caret.current !== null) input.current?.setSelectionRange(...caret.current);
    caret.current = null;
  });
  const change = (next: string) => {
    const delta = textDifference(text.toJSON(), cleanText(next));
    if (delta.length > 0) text.doc?.transact(() => text.applyDelta([...delta]), titleOrigin);
  };
  return { value, change };
}

/** Where the field's caret belongs after someone else's change; null while it is not in use. */
function mappedCaret(field: HTMLInputElement | null, event: Y.YTextEvent): [number, number] | null {
  if (field === null || field !== document.activeElement) return null;
  const delta = textDelta(event.delta);
  const map = (offset: number | null) => mapOffset(offset ?? 0, delta);
  return [map(field.selectionStart), map(field.selectionEnd)];
}

/** Holds remote changes back while an input method composes in the field. */
function useCompositionHold(gate: CompositionGate) {
  const holder = useRef({});
  useEffect(() => {
    const held = holder.current;
    return () => gate.release(held);
  }, [gate]);
  return {
    onCompositionStart: () => gate.hold(holder.current),
    onCompositionEnd: () => gate.release(holder.current),
    onBlur: () => gate.release(holder.current),
  };
}
