import type * as Y from "yjs";

/**
 * What makes a manuscript slow is not its length but how many pieces its text is in: each change in
 * the midst of other text leaves a few, and each flush walks over them.
 */
export const itemBudget = 20_000;

/** Long enough that a walk over all pieces costs nothing that anybody feels. */
const lookIntervalMs = 10_000;

/** Whether `text` is in more than `budget` pieces, those of deleted text included. */
export function isOverBudget(text: Y.Text, budget = itemBudget): boolean {
  let items = 0;
  for (let item = text._start; item !== null; item = item.right) {
    items++;
    if (items > budget) return true;
  }
  return false;
}

/** Watches whether a text has outgrown its budget; looks now and then, when the page is idle. */
export interface BudgetWatch {
  getSnapshot: () => boolean;
  subscribe: (listener: () => void) => () => void;
}

/** Watches `text` for as long as somebody listens. */
export function createBudgetWatch(text: Y.Text): BudgetWatch {
  let over = isOverBudget(text);
  return {
    getSnapshot: () => over,
    subscribe: (listener) => {
      let changed = false;
      const observe = () => {
        changed = true;
      };
      const look = () => {
        if (!changed) return;
        changed = false;
        const now = isOverBudget(text);
        if (now === over) return;
        over = now;
        listener();
      };
      text.observe(observe);
      const timer = setInterval(() => whenIdle(look), lookIntervalMs);
      return () => {
        clearInterval(timer);
        text.unobserve(observe);
      };
    },
  };
}

/** Safari has no idle callbacks. */
function whenIdle(task: () => void) {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(task);
  else task();
}
