import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { type LanguageModel, loadLanguageModel } from "./language-model.ts";
import { readModelCard } from "./model-card.ts";
import { openRuntime } from "./open-runtime.ts";
import { type Command, commandSchema, type Report, workerDataSchema } from "./protocol.ts";
import { Scheduler } from "./scheduler.ts";

/** The engine's own thread: loads the model, says `ready`, and serves commands until `close`. */
async function serve(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error("worker.ts runs in a worker thread only.");
  const report = (message: Report) => port.postMessage(message);
  yieldToPeople();
  const settings = workerDataSchema.parse(workerData);
  const card = readModelCard(settings.modelFolder);
  const { runtime, fallbackReason } = await openRuntime(settings.runtime);
  const model = await loadLanguageModel({
    folder: settings.modelFolder,
    card,
    runtime,
    threads: settings.threads,
  });
  await warmUp(model);
  const scheduler = new Scheduler({
    model,
    card,
    places: settings.places,
    events: {
      prefilled: (generation, prefill) =>
        report({ type: "prefilled", generation, report: prefill }),
      token: (generation, token) => report({ type: "token", generation, token }),
      ended: (generation) => report({ type: "ended", generation }),
      failed: (generation, message) => report({ type: "failed", generation, message }),
      queue: (generations) => report({ type: "queue", generations }),
    },
    listen: () => new Promise((resolve) => setImmediate(resolve)),
  });
  const close = async () => {
    await scheduler.close();
    await model.release();
    port.close();
  };
  port.on("message", (message: unknown) => obey(commandSchema.parse(message), scheduler, close));
  report({
    type: "ready",
    runtime: runtime.kind,
    ...(fallbackReason === undefined ? {} : { fallbackReason }),
  });
}

/**
 * Where the cores are few, a keystroke goes before a token. On Linux a priority is a thread's own,
 * and the threads that this one starts inherit it; elsewhere it would slow the whole process.
 */
function yieldToPeople(): void {
  if (process.platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
}

/** onnxruntime plans its memory in a graph's first run; nobody should wait for that. */
async function warmUp(model: LanguageModel): Promise<void> {
  const tokens = Array.from({ length: 32 }, () => 0);
  for (const rows of new Set([1, model.maxRows])) {
    const caches = Array.from({ length: rows }, () => model.createCache());
    await model.run(caches.map((cache) => ({ cache, past: 0, tokens })));
    for (const cache of caches) cache.release();
  }
}

function obey(command: Command, scheduler: Scheduler, close: () => Promise<void>): void {
  switch (command.type) {
    case "generate":
      return scheduler.generate(command.generation, command.sequence, command.request);
    case "credit":
      return scheduler.credit(command.generation, command.count);
    case "cancel":
      return scheduler.cancel(command.generation);
    case "forget":
      return scheduler.forget(command.sequence);
    case "close":
      // A failure to free native memory ends the worker, which frees it too.
      return void close();
    default:
      return command satisfies never;
  }
}

await serve();
