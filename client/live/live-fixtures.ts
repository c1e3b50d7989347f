import type { Run } from "#shared/run.ts";
import { defaultSampling } from "#shared/sampling.ts";
import type { RunStats } from "#shared/socket-events.ts";

/** A run for tests: Ana's, streaming, with `parts` in place of its own. */
export function testRun(parts: Partial<Run> = {}): Run {
  return {
    id: "run-1",
    state: "streaming",
    model: "tales",
    sampling: { ...defaultSampling, seed: 7 },
    seed: 7,
    caret: "",
    startedBy: { id: "ana", name: "Ana" },
    changedBy: { id: "ana", name: "Ana" },
    tokens: 10,
    promptTokens: 20,
    contextTokens: 30,
    contextLimit: 512,
    finishReason: null,
    reason: null,
    ...parts,
  };
}

/** A report on `testRun`. */
export function testStats(parts: Partial<RunStats> = {}): RunStats {
  return {
    documentId: "document-1",
    runId: "run-1",
    tokensPerSecond: 40,
    tokens: 12,
    contextTokens: 32,
    queuePosition: 0,
    rereads: 0,
    keptTokens: 0,
    ...parts,
  };
}
