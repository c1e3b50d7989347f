import type { RunStats } from "#shared/socket-events.ts";
import { initialLiveState, type LiveEvent, type LiveState, reduceLive } from "./live-state.ts";

/** What changes now and then, and makes the whole page look again. */
export type LiveMoment = Omit<LiveState, "stats">;

/** The run's numbers, which come twice a second: only what shows them listens. */
export interface StatsSource {
  subscribe: (listener: () => void) => () => void;
  getSnapshot: () => RunStats | null;
}

/** A document's live state, told apart into moments and numbers. */
export interface LiveStore {
  readonly stats: StatsSource;
  dispatch: (event: LiveEvent) => void;
  subscribe: (listener: () => void) => () => void;
  /** The same object until something other than the numbers changes. */
  getMoment: () => LiveMoment;
}

/** A store that begins with nothing known. */
export function createLiveStore(): LiveStore {
  const listeners = new Set<() => void>();
  let state = initialLiveState;
  let moment = momentOf(state);
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    stats: { subscribe, getSnapshot: () => state.stats },
    subscribe,
    getMoment: () => moment,
    dispatch: (event) => {
      const next = reduceLive(state, event);
      if (next === state) return;
      state = next;
      if (event.type !== "stats") moment = momentOf(state);
      for (const listener of listeners) listener();
    },
  };
}

function momentOf({ stats: _stats, ...moment }: LiveState): LiveMoment {
  return moment;
}
