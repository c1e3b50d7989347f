import { constants, setPriority } from "node:os";
import { AppError } from "../errors.ts";
import { type ImportReport, importOrderSchema, stopMessage } from "./import-messages.ts";
import { importModel } from "./import-model.ts";

/** A process of its own: converting takes all of a processor for minutes, and the server has people. */
async function serve(): Promise<void> {
  setPriority(constants.priority.PRIORITY_LOW);
  const stop = new AbortController();
  process.on("message", (message) => {
    if (message === stopMessage) stop.abort(new Error("stopped"));
  });
  // A server that was killed wants no model any more; what is begun of it is removed.
  process.once("disconnect", () => stop.abort(new Error("the server is gone")));
  try {
    const order = importOrderSchema.parse(JSON.parse(process.argv[2] ?? "null"));
    const onProgress = createThrottle();
    const card = await importModel({ ...order, onProgress, signal: stop.signal });
    report({ type: "imported", card });
  } catch (error) {
    report(toReport(error));
  }
  if (process.connected) process.disconnect();
}

const everyMs = 100;

/** A step's first report, and one in a tenth of a second. */
function createThrottle() {
  let last = { step: "", at: 0 };
  return (progress: Extract<ImportReport, { type: "progress" }>["progress"]) => {
    const at = Date.now();
    if (progress.step === last.step && at - last.at < everyMs) return;
    last = { step: progress.step, at };
    report({ type: "progress", progress });
  };
}

function toReport(error: unknown): ImportReport {
  if (!(error instanceof AppError))
    return { type: "failed", message: error instanceof Error ? error.message : String(error) };
  const { code, status, message } = error;
  return { type: "refused", code, status, message };
}

function report(message: ImportReport): void {
  if (process.connected) process.send?.(message);
}

await serve();
