import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";

/** The engines' workers that this process starts from now on, so that a test can kill them. */
export function watchEngineWorkers() {
  const children: ChildProcess[] = [];
  // Node publishes each child as it makes it, before it has its arguments.
  const remember = (message: unknown) =>
    void children.push((message as { process: ChildProcess }).process);
  subscribe("child_process", remember);
  const workers = () =>
    children.filter(({ spawnargs }) => spawnargs?.some((part) => part.endsWith("worker.mjs")));
  return {
    count: () => workers().length,
    /** Kills the newest, as a crash in native code would, and waits until it is gone. */
    async killNewest(): Promise<void> {
      const worker = workers().at(-1);
      if (worker === undefined || worker.exitCode !== null || worker.signalCode !== null) return;
      const gone = once(worker, "exit");
      worker.kill("SIGKILL");
      await gone;
    },
    stop: () => unsubscribe("child_process", remember),
  };
}
