import type { LiveState } from "./live-state.ts";

/** The run's numbers as they are known last: reports while it writes, the run itself at its ends. */
export interface RunFigures {
  tokens: number;
  contextTokens: number;
  contextLimit: number;
  /** undefined unless it writes now. */
  tokensPerSecond: number | undefined;
}

/** undefined where no run was ever started. */
export function runFigures({
  run,
  stats,
}: Pick<LiveState, "run" | "stats">): RunFigures | undefined {
  if (run === null) return undefined;
  const reported = run.state === "streaming" ? stats : null;
  return {
    // A run's own count is older than a report while it writes, and final when it ends.
    tokens: Math.max(run.tokens, reported?.tokens ?? 0),
    contextTokens: Math.min(reported?.contextTokens ?? run.contextTokens, run.contextLimit),
    contextLimit: run.contextLimit,
    tokensPerSecond: reported?.tokensPerSecond,
  };
}
