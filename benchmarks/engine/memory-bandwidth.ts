import { once } from "node:events";
import { Worker } from "node:worker_threads";

const bytes = 256 * 2 ** 20;
const passes = 4;

/** Looks for a byte that is not there: the search is native code that reads as fast as memory gives. */
const source = `
  const { parentPort } = require("node:worker_threads");
  const memory = Buffer.alloc(${bytes}, 1);
  parentPort.on("message", () => {
    for (let pass = 0; pass < ${passes}; pass++) if (memory.indexOf(0) !== -1) throw new Error();
    parentPort.postMessage("read");
  });
  parentPort.postMessage("ready");
`;

/** Gigabytes (10⁹) a second that so many threads read from memory together: the best of five rounds. */
export async function measureMemoryBandwidth(threads: number): Promise<number> {
  const workers = Array.from({ length: threads }, () => new Worker(source, { eval: true }));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  let best = 0;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    for (const worker of workers) worker.postMessage("read");
    await Promise.all(workers.map((worker) => once(worker, "message")));
    const seconds = (performance.now() - start) / 1000;
    best = Math.max(best, (threads * passes * bytes) / seconds / 1e9);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return best;
}
