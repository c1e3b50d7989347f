import type * as Y from "yjs";
import type { Run } from "#shared/run.ts";
import type { Sampling } from "#shared/sampling.ts";
import { encodePosition } from "./caret.ts";
import { type RunStatus, reasonsOf } from "./run-status.ts";

export interface Person {
  id: string;
  name: string;
}

/** All that is kept of a run, as the server holds it in memory and the `runs` table holds it on disk. */
export interface RunRecord {
  readonly id: string;
  readonly documentId: string;
  readonly model: string;
  sampling: Sampling;
  status: RunStatus;
  caret: Y.RelativePosition;
  readonly startedBy: Person;
  changedBy: Person;
  /** Tokens written, and the index of the next one to draw. */
  tokens: number;
  promptTokens: number;
  contextTokens: number;
  contextLimit: number;
}

/** The run as clients see it. */
export function toRun(record: RunRecord): Run {
  return {
    id: record.id,
    state: record.status.state,
    model: record.model,
    sampling: record.sampling,
    seed: record.sampling.seed,
    caret: encodePosition(record.caret),
    startedBy: record.startedBy,
    changedBy: record.changedBy,
    tokens: record.tokens,
    promptTokens: record.promptTokens,
    contextTokens: record.contextTokens,
    contextLimit: record.contextLimit,
    ...reasonsOf(record.status),
  };
}
