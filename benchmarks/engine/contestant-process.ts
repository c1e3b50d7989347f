import { monitorEventLoopDelay } from "node:perf_hooks";
import { createLlamaCpp } from "../peers/llama-cpp.ts";
import { createTransformersJs } from "../peers/transformers-js.ts";
import {
  type Asked,
  askedSchema,
  type Contestant,
  type ContestantSettings,
  type Reply,
  settingsSchema,
} from "./contestant.ts";
import { createOwnEngine } from "./own-engine.ts";

/** A process with one contestant, which does what it is asked until it is told to close. */
async function serve(): Promise<void> {
  process.once("disconnect", () => process.exit());
  const settings = settingsSchema.parse(JSON.parse(process.argv[2] ?? "null"));
  const contestant = await create(settings);
  process.on("message", (message) => void answer(contestant, askedSchema.parse(message)));
  reply({ type: "ready" });
}

function create(settings: ContestantSettings): Promise<Contestant> {
  switch (settings.name) {
    case "ours-int8":
    case "ours-fp32":
      return createOwnEngine(settings);
    case "llama.cpp f32":
    case "llama.cpp q8_0":
    case "llama.cpp q4_0":
      return createLlamaCpp(settings);
    case "transformers.js fp32":
    case "transformers.js q8":
      return createTransformersJs(settings);
    default:
      return settings.name satisfies never;
  }
}

async function answer(contestant: Contestant, asked: Asked): Promise<void> {
  try {
    reply(await obey(contestant, asked));
  } catch (error) {
    reply({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
  if (asked.type === "close") process.exit();
}

async function obey(contestant: Contestant, asked: Asked): Promise<Reply> {
  switch (asked.type) {
    case "write":
      return write(contestant, asked);
    case "forget":
      await contestant.forget();
      return { type: "forgotten" };
    case "crash": {
      if (contestant.crash === undefined) throw new Error("A peer is not crashed.");
      return { type: "crashed", ...(await contestant.crash()) };
    }
    case "close":
      await contestant.close();
      return { type: "forgotten" };
    default:
      return asked satisfies never;
  }
}

async function write(
  contestant: Contestant,
  { writings, count, wish, watchesLoop }: Extract<Asked, { type: "write" }>,
): Promise<Reply> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  if (watchesLoop) delay.enable();
  const documents = await Promise.all(
    writings.map((writing) => contestant.write(writing, count, wish)),
  );
  delay.disable();
  return { type: "written", documents, eventLoopMs: delay.percentile(99) / 1e6 };
}

function reply(message: Reply): void {
  if (process.connected) process.send?.(message);
}

await serve();
