/** The element that scrolls `element`: its nearest scrolling ancestor, else the page. */
export function scrollerOf(element: Element): Element {
  for (let at = element.parentElement; at !== null; at = at.parentElement) {
    const { overflowY } = getComputedStyle(at);
    if (overflowY === "auto" || overflowY === "scroll") return at;
  }
  return document.scrollingElement ?? document.documentElement;
}

/** Where the scroller's visible part begins and ends, in viewport pixels. */
export function visibleBand(scroller: Element): { top: number; bottom: number } {
  if (scroller === document.scrollingElement) return { top: 0, bottom: window.innerHeight };
  const { top, bottom } = scroller.getBoundingClientRect();
  return { top, bottom };
}

/** What hears the scroller's scroll events. */
export function scrollTarget(scroller: Element): EventTarget {
  return scroller === document.scrollingElement ? document : scroller;
}
