import type { ChildProcess } from "node:child_process";
import { startChild } from "../config/child-process.ts";
import { UnavailableError } from "../errors.ts";
import { type Measurement, type MeasureSettings, measureReportSchema } from "./measurement.ts";

export interface MeasureRequest extends MeasureSettings {
  onProgress: (done: number, total: number) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Measures a converted model. Throws an UnavailableError that says why it could not be, and the
 * signal's reason.
 */
export type Measure = (request: MeasureRequest) => Promise<Measurement>;

/** Starts the process that measures; a test may keep a hand on it. */
export type StartMeasuring = (settings: MeasureSettings) => ChildProcess;

/** Measures in a process of its own, which ends with the promise. */
export function createMeasure(start: StartMeasuring = startMeasuring): Measure {
  return async ({ folder, reference, onProgress, signal }) => {
    signal?.throwIfAborted();
    const worker = start({ folder, reference });
    const stop = () => worker.kill("SIGKILL");
    signal?.addEventListener("abort", stop);
    try {
      return await listen(worker, onProgress);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      stop();
    }
  };
}

/** As the engine's worker is started: it survives no server, and the server survives it. */
function startMeasuring(settings: MeasureSettings): ChildProcess {
  return startChild(new URL("./measure-worker.mjs", import.meta.url), JSON.stringify(settings), {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
}

function listen(
  worker: ChildProcess,
  onProgress: (done: number, total: number) => void,
): Promise<Measurement> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(new UnavailableError(`The model could not be measured: ${why}`, cause));
    worker.on("message", (message) => {
      const report = measureReportSchema.safeParse(message);
      if (!report.success) return fail("its process was not understood.", report.error);
      switch (report.data.type) {
        case "progress":
          return onProgress(report.data.done, report.data.total);
        case "measured":
          return resolve(report.data.measurement);
        case "failed":
          return fail(report.data.message);
        default:
          return report.data satisfies never;
      }
    });
    worker.on("error", (error) => fail("its process did not start.", error));
    worker.on("exit", (code, signal) => fail(`its process ended with ${signal ?? code}.`));
  });
}
