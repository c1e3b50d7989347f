import { replaceEqualDeep } from "@tanstack/react-query";
import type { DocumentRole } from "#shared/permissions.ts";
import type { Run } from "#shared/run.ts";
import type { RunReread, RunStats } from "#shared/socket-events.ts";

/** What the page knows, from Socket.IO, of one document. */
export interface LiveState {
  /** `refused` carries the server's sentence in `refusal`; `away`: the connection is down. */
  link: "joining" | "joined" | "away" | "refused";
  refusal: string | null;
  /** undefined until the first answer; null: no longer assigned. */
  role: DocumentRole | null | undefined;
  run: Run | null;
  stats: RunStats | null;
  /** The re-read that is being shown now; null again a moment later. */
  reread: RunReread | null;
}

export type LiveEvent =
  | { type: "joined"; role: DocumentRole; run: Run | null }
  | { type: "refused"; sentence: string }
  | { type: "away" }
  | { type: "run"; run: Run }
  | { type: "stats"; stats: RunStats }
  | { type: "reread"; reread: RunReread }
  | { type: "reread-over"; reread: RunReread }
  | { type: "access"; role: DocumentRole | null };

export const initialLiveState: LiveState = {
  link: "joining",
  refusal: null,
  role: undefined,
  run: null,
  stats: null,
  reread: null,
};

/** The next state; a report of a run that is not the shown one changes nothing. */
export function reduceLive(state: LiveState, event: LiveEvent): LiveState {
  switch (event.type) {
    case "joined":
      return {
        ...withRun(state, event.run),
        link: "joined",
        refusal: null,
        role: event.role,
      };
    case "refused":
      return { ...state, link: "refused", refusal: event.sentence };
    case "away":
      return { ...state, link: "away", reread: null };
    case "run": {
      // A command's answer and the event that goes to everyone tell the same: the page is drawn once.
      const run = replaceEqualDeep(state.run, event.run);
      return run === state.run ? state : withRun(state, run);
    }
    case "stats":
      return event.stats.runId === state.run?.id ? { ...state, stats: event.stats } : state;
    case "reread":
      return event.reread.runId === state.run?.id ? { ...state, reread: event.reread } : state;
    case "reread-over":
      return state.reread === event.reread ? { ...state, reread: null } : state;
    case "access":
      return { ...state, role: event.role };
    default:
      return event satisfies never;
  }
}

function withRun(state: LiveState, run: Run | null): LiveState {
  const same = run !== null && run.id === state.run?.id;
  return {
    ...state,
    run,
    stats: same ? state.stats : null,
    reread: same && run.state === "streaming" ? state.reread : null,
  };
}
