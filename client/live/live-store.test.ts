import { expect, test, vi } from "vitest";
import { testRun, testStats } from "./live-fixtures.ts";
import { createLiveStore } from "./live-store.ts";

test("the run's numbers, twice a second, leave what the page looks at the same object", () => {
  const store = createLiveStore();
  store.dispatch({ type: "joined", role: "editor", run: testRun() });
  const moment = store.getMoment();
  const listener = vi.fn<() => void>();
  store.stats.subscribe(listener);
  store.dispatch({ type: "stats", stats: testStats({ tokens: 40 }) });
  expect(listener).toHaveBeenCalledOnce();
  expect(store.stats.getSnapshot()).toMatchObject({ tokens: 40 });
  expect(store.getMoment()).toBe(moment);
});

test("anything else is a new moment, and a new run forgets the last one's numbers", () => {
  const store = createLiveStore();
  store.dispatch({ type: "joined", role: "editor", run: testRun() });
  store.dispatch({ type: "stats", stats: testStats() });
  store.dispatch({ type: "run", run: testRun({ id: "run-2" }) });
  expect(store.getMoment()).toMatchObject({ role: "editor", run: { id: "run-2" } });
  expect(store.stats.getSnapshot()).toBeNull();
});

test("numbers of another run tell nobody anything", () => {
  const store = createLiveStore();
  store.dispatch({ type: "joined", role: "editor", run: testRun() });
  const listener = vi.fn<() => void>();
  store.subscribe(listener);
  store.dispatch({ type: "stats", stats: testStats({ runId: "run-9" }) });
  expect(listener).not.toHaveBeenCalled();
});
