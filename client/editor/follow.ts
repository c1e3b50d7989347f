import type { EditorView } from "@tiptap/pm/view";
import { modelCaretPosition } from "./model-caret.ts";
import { scrollerOf, scrollTarget, visibleBand } from "./scroller.ts";

/** "Follow the model": keeps its caret in view until the reader scrolls or writes. */
export interface Follow {
  isFollowing: () => boolean;
  setFollow: (follow: boolean) => void;
  /** Calls `listener` whenever following starts or ends; returns how to stop that. */
  onChange: (listener: (following: boolean) => void) => () => void;
  /** The text or the caret has changed. */
  update: () => void;
  destroy: () => void;
}

/** The caret is kept this far from the window's edges: header above, dock below. */
const margins = { top: 96, bottom: 168 };
const modifierKeys = new Set(["Shift", "Control", "Alt", "Meta", "CapsLock", "Tab", "Escape"]);

/** Follows in `view`'s scroller; off at first. */
export function createFollow(view: EditorView): Follow {
  const scroller = scrollerOf(view.dom);
  const target = scrollTarget(scroller);
  const listeners = new Set<(following: boolean) => void>();
  const ended = new AbortController();
  let following = false;
  let frame = 0;
  let pointerDown = false;

  const setFollow = (follow: boolean) => {
    if (follow === following) return;
    following = follow;
    for (const listener of listeners) listener(following);
    if (following) request();
  };
  const reveal = () => {
    frame = 0;
    if (following && !view.isDestroyed) revealCaret(view, scroller);
  };
  const request = () => {
    if (following && frame === 0) frame = requestAnimationFrame(reveal);
  };
  const stop = () => setFollow(false);
  const options = { passive: true, signal: ended.signal };
  target.addEventListener("wheel", stop, options);
  target.addEventListener("touchmove", stop, options);
  target.addEventListener("pointerdown", () => (pointerDown = true), options);
  window.addEventListener("pointerup", () => (pointerDown = false), options);
  // Dragging the scroll bar; our own scrolling happens with no pointer down.
  target.addEventListener("scroll", () => pointerDown && stop(), options);
  target.addEventListener(
    "keydown",
    (event) => {
      if (event instanceof KeyboardEvent && isReadersKey(event)) stop();
    },
    options,
  );
  return {
    isFollowing: () => following,
    setFollow,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    update: request,
    destroy: () => {
      ended.abort();
      cancelAnimationFrame(frame);
      listeners.clear();
    },
  };
}

/** Keys that move the reader or write; shortcuts do neither. */
function isReadersKey(event: KeyboardEvent): boolean {
  return !modifierKeys.has(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey;
}

function revealCaret(view: EditorView, scroller: Element) {
  const position = modelCaretPosition(view.state);
  if (position === null) return;
  const caret = view.coordsAtPos(position, -1);
  const band = visibleBand(scroller);
  const below = caret.bottom - (band.bottom - margins.bottom);
  const above = caret.top - (band.top + margins.top);
  if (below > 0) scroller.scrollTop += below;
  else if (above < 0) scroller.scrollTop += above;
}
