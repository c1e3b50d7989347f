import {
  type FinishReason,
  nextRunState,
  type RunEvent,
  type RunReason,
  type RunState,
} from "#shared/run.ts";
import { ConflictError } from "../errors.ts";

/** A run's state with what belongs to it. */
export type RunStatus =
  | { state: "queued" }
  | { state: "streaming" }
  | { state: "paused"; reason: RunReason }
  | { state: "finished"; finishReason: FinishReason }
  | { state: "stopped"; finishReason: "stopped" }
  | { state: "failed"; finishReason: "error"; reason: RunReason };

/** What happens to a run, with what the state after it needs to know. */
export type RunChange =
  | { event: "admit" }
  | { event: "pause"; reason: RunReason }
  | { event: "interrupt"; reason: RunReason }
  | { event: "resume" }
  | { event: "finish"; finishReason: FinishReason }
  | { event: "stop" }
  | { event: "fail"; reason: RunReason };

/** The status after `change`; throws ConflictError `illegal_transition` where the table has no such step. */
export function changeStatus(status: RunStatus, change: RunChange): RunStatus {
  if (nextRunState(status.state, change.event) === undefined) {
    throw illegalTransition(status.state, change.event);
  }
  switch (change.event) {
    case "admit":
      return { state: "streaming" };
    case "pause":
    case "interrupt":
      return { state: "paused", reason: change.reason };
    case "resume":
      return { state: "queued" };
    case "finish":
      return { state: "finished", finishReason: change.finishReason };
    case "stop":
      return { state: "stopped", finishReason: "stopped" };
    case "fail":
      return { state: "failed", finishReason: "error", reason: change.reason };
    default:
      return change satisfies never;
  }
}

/** Why a status ended or waits, as rows and clients carry it. */
export function reasonsOf(status: RunStatus): {
  finishReason: FinishReason | null;
  reason: RunReason | null;
} {
  return {
    finishReason: "finishReason" in status ? status.finishReason : null,
    reason: "reason" in status ? status.reason : null,
  };
}

/** The status that a row's columns stand for; a column that must be there has a cautious fallback. */
export function statusOf(
  state: RunState,
  finishReason: FinishReason | null,
  reason: RunReason | null,
): RunStatus {
  switch (state) {
    case "queued":
    case "streaming":
      return { state };
    case "paused":
      return { state, reason: reason ?? "interrupted" };
    case "finished":
      return { state, finishReason: finishReason ?? "max_tokens" };
    case "stopped":
      return { state, finishReason: "stopped" };
    case "failed":
      return { state, finishReason: "error", reason: reason ?? "error" };
    default:
      return state satisfies never;
  }
}

/** The error of a command that does not fit the run's state; `state` undefined: there is no run. */
export function illegalTransition(state: RunState | undefined, event: RunEvent): ConflictError {
  return new ConflictError("illegal_transition", illegalSentence(state, event));
}

function illegalSentence(state: RunState | undefined, event: RunEvent): string {
  switch (state) {
    case undefined:
      return "No run is going on in this document. Start one first.";
    case "queued":
    case "streaming":
      return event === "resume" ? "The run is already going on." : "The run cannot do this now.";
    case "paused":
      return event === "pause"
        ? "The run is already paused."
        : "The run is paused. Resume it first.";
    case "finished":
      return "The run has already finished. Start a new one.";
    case "stopped":
      return "The run was already stopped. Start a new one.";
    case "failed":
      return "The run has failed. Start a new one.";
    default:
      return state satisfies never;
  }
}
