import { z } from "zod";
import { samplingSchema } from "./sampling.ts";

export const runStates = [
  "queued",
  "streaming",
  "paused",
  "finished",
  "stopped",
  "failed",
] as const;
export type RunState = (typeof runStates)[number];

/** The states in which a run holds its document's one place. */
export const liveRunStates = [
  "queued",
  "streaming",
  "paused",
] as const satisfies readonly RunState[];

/** What can happen to a run. `admit` is the engine's, `interrupt` a crash's or the engine's loss. */
export type RunEvent = "admit" | "pause" | "interrupt" | "resume" | "finish" | "stop" | "fail";

const transitions: { readonly [state in RunState]: { readonly [event in RunEvent]?: RunState } } = {
  queued: {
    admit: "streaming",
    pause: "paused",
    interrupt: "paused",
    stop: "stopped",
    fail: "failed",
  },
  streaming: {
    pause: "paused",
    interrupt: "paused",
    finish: "finished",
    stop: "stopped",
    fail: "failed",
  },
  paused: { resume: "queued", stop: "stopped", fail: "failed" },
  finished: {},
  stopped: {},
  failed: {},
};

/** The state after `event`, or undefined where the table has no such step. */
export function nextRunState(state: RunState, event: RunEvent): RunState | undefined {
  return transitions[state][event];
}

/** Whether a run in this state still lives (and so blocks another Start). */
export function isLive(state: RunState): boolean {
  return (liveRunStates as readonly RunState[]).includes(state);
}

export const finishReasons = [
  "max_tokens",
  "stop_string",
  "end_of_text",
  "stopped",
  "error",
] as const;
export type FinishReason = (typeof finishReasons)[number];

/** Why a run is paused or failed. */
export const runReasons = [
  "by_person",
  "interrupted",
  "loop",
  "quota",
  "engine_lost",
  "engine_full",
  "nothing_allowed",
  "access",
  "document_gone",
  "storage",
  "error",
] as const;
export type RunReason = (typeof runReasons)[number];

const personSchema = z.object({ id: z.string(), name: z.string() });

/** A run as every client sees it. `caret` is base64 of an encoded Y.RelativePosition. */
export const runSchema = z.object({
  id: z.string(),
  state: z.enum(runStates),
  model: z.string(),
  sampling: samplingSchema,
  seed: z.number(),
  caret: z.string(),
  startedBy: personSchema,
  changedBy: personSchema,
  /** Tokens written by the whole run so far. */
  tokens: z.number(),
  /** Tokens of the prompt at the last (re-)read. */
  promptTokens: z.number(),
  /** Tokens the model can see now, and the most it can see. */
  contextTokens: z.number(),
  contextLimit: z.number(),
  finishReason: z.enum(finishReasons).nullable(),
  reason: z.enum(runReasons).nullable(),
});
export type Run = z.infer<typeof runSchema>;
