/**
 * Holds incoming changes back while an input method composes: a remote change in the text node under
 * composition leaves garbage behind in every browser. What is held is delivered in order.
 */
export interface CompositionGate {
  /** Delivers now, or once nobody composes any more. */
  pass: (deliver: () => void) => void;
  /** Closes the gate for `holder`; holding twice is holding once. */
  hold: (holder: object) => void;
  /** Opens the gate for `holder`, and delivers when it was the last one. */
  release: (holder: object) => void;
}

/** A gate that stands open. */
export function createCompositionGate(): CompositionGate {
  const holders = new Set<object>();
  const waiting: (() => void)[] = [];

  const deliverWaiting = () => {
    while (holders.size === 0) {
      const deliver = waiting.shift();
      if (deliver === undefined) return;
      deliver();
    }
  };
  return {
    pass: (deliver) => {
      waiting.push(deliver);
      if (waiting.length === 1) deliverWaiting();
    },
    hold: (holder) => {
      holders.add(holder);
    },
    release: (holder) => {
      if (holders.delete(holder)) deliverWaiting();
    },
  };
}
