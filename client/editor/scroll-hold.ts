import type { Transaction } from "@tiptap/pm/state";
import type { EditorView } from "@tiptap/pm/view";
import { scrollerOf, scrollTarget, visibleBand } from "./scroller.ts";

/** Keeps the text under a reader's eyes in its place while others write above it. */
export interface ScrollHold {
  /** Draws a remote change; what was at the top of the window is there again afterwards. */
  around: (transaction: Transaction, draw: () => void) => void;
  destroy: () => void;
}

/** A hold for `view`; only a change above the window's top costs a measurement. */
export function createScrollHold(view: EditorView): ScrollHold {
  const scroller = scrollerOf(view.dom);
  const target = scrollTarget(scroller);
  /** Document position of the first visible line, or null until it is looked up. */
  let top: number | null = null;
  const forget = () => {
    top = null;
  };
  target.addEventListener("scroll", forget, { passive: true });
  window.addEventListener("resize", forget);
  // Ours and the browser's would add up.
  view.dom.style.setProperty("overflow-anchor", "none");

  return {
    around: (transaction, draw) => {
      if (scroller.scrollTop === 0) {
        draw();
        return;
      }
      top ??= firstVisible(view, visibleBand(scroller).top);
      if (top === null || firstChange(transaction) >= top) {
        draw();
        return;
      }
      const before = view.coordsAtPos(top).top;
      draw();
      top = Math.min(transaction.mapping.map(top), view.state.doc.content.size);
      const shift = view.coordsAtPos(top).top - before;
      if (Math.abs(shift) >= 1) scroller.scrollTop += shift;
    },
    destroy: () => {
      target.removeEventListener("scroll", forget);
      window.removeEventListener("resize", forget);
    },
  };
}

function firstVisible(view: EditorView, bandTop: number): number | null {
  const { left, top, width } = view.dom.getBoundingClientRect();
  if (top >= bandTop) return null;
  return view.posAtCoords({ left: left + width / 2, top: bandTop + 1 })?.pos ?? null;
}

/** The first position that the transaction changes, in the document before it. */
function firstChange(transaction: Transaction): number {
  let first = Number.POSITIVE_INFINITY;
  transaction.mapping.maps.forEach((map, index) => {
    const back = transaction.mapping.slice(0, index).invert();
    map.forEach((oldFrom) => {
      first = Math.min(first, back.map(oldFrom, -1));
    });
  });
  return first;
}
