import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { createBudgetWatch, isOverBudget, itemBudget } from "./item-budget.ts";

let text: Y.Text;
beforeEach(() => {
  vi.useFakeTimers();
  text = new Y.Doc().getText("body");
  text.insert(0, `${"word ".repeat(20_000)}\n`);
});
afterEach(() => vi.useRealTimers());

/** Changes `times` places, which leaves three pieces each. */
function wear(times: number) {
  text.doc?.transact(() => {
    for (let place = times; place > 0; place--) text.insert(place * 5, "x");
  });
}

test("length alone is no wear, changes in the midst of the text are", () => {
  expect(isOverBudget(text)).toBe(false);
  wear(100);
  expect(isOverBudget(text, 100)).toBe(true);
  expect(isOverBudget(text, 1000)).toBe(false);
});

test("a watch looks every ten seconds, and tells once that the budget is used up", () => {
  const watch = createBudgetWatch(text);
  const listener = vi.fn<() => void>();
  const unsubscribe = watch.subscribe(listener);
  wear(itemBudget / 2 + 1);
  expect(watch.getSnapshot()).toBe(false);
  vi.advanceTimersByTime(10_000);
  expect(watch.getSnapshot()).toBe(true);
  text.insert(0, "x");
  vi.advanceTimersByTime(10_000);
  expect(listener).toHaveBeenCalledTimes(1);
  unsubscribe();
  expect(vi.getTimerCount()).toBe(0);
});
