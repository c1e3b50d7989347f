import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { loadLanguageModel } from "./language-model.ts";
import { readModelCard } from "./model-card.ts";
import { openRuntime } from "./open-runtime.ts";
import { type Command, commandSchema, type Report, workerSettingsSchema } from "./protocol.ts";
import { Scheduler } from "./scheduler.ts";

/** The engine's own process: loads the model, says `ready`, and serves commands until `close`. */
async function serve(): Promise<void> {
  // A server that was killed closes nothing: without it there is nobody to work for.
  process.once("disconnect", () => process.exit());
  yieldToPeople();
  const report = createReporter();
  const settings = workerSettingsSchema.parse(JSON.parse(process.argv[2] ?? "null"));
  const card = readModelCard(settings.modelFolder);
  const { runtime, fallbackReason } = await openRuntime(settings.runtime);
  const model = await loadLanguageModel({
    folder: settings.modelFolder,
    card,
    runtime,
    threads: settings.threads,
    isReplaced: () => JSON.stringify(readModelCard(settings.modelFolder)) !== JSON.stringify(card),
  });
  const scheduler = new Scheduler({
    model,
    card,
    places: settings.places,
    memoryBytes: settings.memoryBytes,
    events: {
      prefilled: (generation, prefill) =>
        report({ type: "prefilled", generation, report: prefill }),
      token: (generation, token) => report({ type: "token", generation, token }),
      ended: (generation) => report({ type: "ended", generation }),
      failed: (generation, message) => report({ type: "failed", generation, message }),
      refused: (generation, message) => report({ type: "refused", generation, message }),
      barred: (generation) => report({ type: "barred", generation }),
      queue: (generations) => report({ type: "queue", generations }),
    },
    listen: () => new Promise((resolve) => setImmediate(resolve)),
  });
  const close = async () => {
    await scheduler.close();
    await model.release();
    process.disconnect();
  };
  process.on("message", (message: unknown) => obey(commandSchema.parse(message), scheduler, close));
  report({
    type: "ready",
    runtime: runtime.kind,
    ...(fallbackReason === undefined ? {} : { fallbackReason }),
  });
}

/** What one step brings leaves in one message: the server's thread is woken once for all of it. */
function createReporter(): (report: Report) => void {
  let gathered: Report[] = [];
  return (report) => {
    gathered.push(report);
    if (gathered.length > 1) return;
    queueMicrotask(() => {
      const message = gathered;
      gathered = [];
      // A server that was killed hears nothing more; `disconnect` ends this process.
      if (process.connected) process.send?.(message, undefined, {}, () => {});
    });
  };
}

/** Where Linux weighs whole sessions against each other: the nice value of one's own. */
const sessionPriority = "/proc/self/autogroup";

/**
 * Where the cores are few, a keystroke goes before a token, on this machine's other side of the
 * line too. The threads that onnxruntime starts inherit the priority.
 */
function yieldToPeople(): void {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  try {
    writeFileSync(sessionPriority, String(constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // Another system, or one that does not group: the priority above is what counts there.
  }
}

function obey(command: Command, scheduler: Scheduler, close: () => Promise<void>): void {
  switch (command.type) {
    case "generate":
      return scheduler.generate(command.generation, command.sequence, command.request);
    case "credit":
      for (const { generation, count } of command.taken) scheduler.credit(generation, count);
      return;
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
