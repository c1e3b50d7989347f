import type { ChildProcess } from "node:child_process";
import { startChild } from "../config/child-process.ts";
import { AppError } from "../errors.ts";
import type { ModelCard } from "../inference/model-card.ts";
import type { AddProgress, Convert } from "./add-model.ts";
import { type ImportOrder, importReportSchema, stopMessage } from "./import-messages.ts";

/** Starts the process that imports; a test may keep a hand on it. */
export type StartImporting = (order: ImportOrder) => ChildProcess;

/** So long it may take to remove what it has begun. */
const stopMs = 5_000;

/**
 * Imports in a process of its own, so that the server goes on at its pace. Throws what the import
 * throws, as an AppError where it is one, an Error when the process ends in its midst, and the
 * signal's reason.
 */
export function createImportProcess(
  start: StartImporting = startImporting,
  patienceMs = stopMs,
): Convert {
  return async ({ onProgress, signal, ...order }) => {
    signal.throwIfAborted();
    const worker = start(order);
    const gone = whenGone(worker);
    let kill: NodeJS.Timeout | undefined;
    const stop = () => {
      if (worker.connected) worker.send(stopMessage);
      kill ??= setTimeout(() => worker.kill("SIGKILL"), patienceMs);
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await listen(worker, onProgress);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      // Also one that does not end although all is said, or that nobody understands.
      stop();
      await gone;
      clearTimeout(kill);
    }
  };
}

/** One that could not be started never exits. */
function whenGone(worker: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    worker.once("exit", () => resolve());
    worker.once("error", () => {
      if (worker.pid === undefined) resolve();
    });
  });
}

function startImporting(order: ImportOrder): ChildProcess {
  return startChild(new URL("./import-worker.mjs", import.meta.url), JSON.stringify(order), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

function listen(
  worker: ChildProcess,
  onProgress: (progress: AddProgress) => void,
): Promise<ModelCard> {
  return new Promise((resolve, reject) => {
    worker.on("message", (message) => {
      const parsed = importReportSchema.safeParse(message);
      if (!parsed.success) return reject(parsed.error);
      const report = parsed.data;
      switch (report.type) {
        case "progress":
          return onProgress(report.progress);
        case "imported":
          return resolve(report.card);
        case "refused":
          return reject(new AppError(report.code, report.status, report.message));
        case "failed":
          return reject(new Error(report.message));
        default:
          return report satisfies never;
      }
    });
    worker.on("error", reject);
    worker.on("exit", (code, signal) => reject(interrupted(String(signal ?? code))));
  });
}

/** 503: what was fetched is still there. */
function interrupted(how: string): AppError {
  const message = `Converting broke off (${how}), perhaps because memory ran out. What has come is kept: try again, with fewer runs at the same time.`;
  return new AppError("import_interrupted", 503, message);
}
