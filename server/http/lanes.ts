/** Runs tasks of the same lane one after the other, those of different lanes together. */
export interface Lanes {
  run<Result>(lane: string, task: () => Promise<Result>): Promise<Result>;
}

/** A lane takes memory only while a task of it runs or waits. */
export function createLanes(): Lanes {
  const last = new Map<string, Promise<unknown>>();
  return {
    run(lane, task) {
      const before = last.get(lane) ?? Promise.resolve();
      const mine = before.then(task);
      // The next task waits for this one whether it succeeds or not.
      const settled = mine.catch(() => undefined);
      last.set(lane, settled);
      void settled.then(() => {
        if (last.get(lane) === settled) last.delete(lane);
      });
      return mine;
    },
  };
}
