/** Knows whether the model's caret is where the reader looks. */
export interface CaretWatch {
  /** The caret is this element now; where it stood before counts no more. */
  observe: (caret: Element) => void;
  destroy: () => void;
}

/** Words this near the window's edge may be seen coming in. */
const margin = "120px";

/**
 * Keeps `data-model-away` on `place` while the caret is out of view, and says when that changes. Nothing has to move where nobody
 * looks: words that came in down there cost each page as many frames a second as its screen shows.
 */
export function watchCaret(place: Element, onAway: (away: boolean) => void): CaretWatch {
  const observer = new IntersectionObserver(
    (entries) => {
      const latest = entries.findLast(({ target }) => target.isConnected);
      if (latest === undefined) return;
      place.toggleAttribute("data-model-away", !latest.isIntersecting);
      onAway(!latest.isIntersecting);
    },
    { rootMargin: margin },
  );
  return {
    observe: (caret) => {
      observer.disconnect();
      observer.observe(caret);
    },
    destroy: () => {
      observer.disconnect();
      onAway(false);
    },
  };
}
