import type { FinishReason, Run, RunReason } from "#shared/run.ts";
import { grouped } from "../components/grouped.ts";

/** What the sentences need besides the run itself. */
export interface RunView {
  run: Run | null;
  /** Whether the page hears of the run at all. */
  connected: boolean;
  /** 0: writing or about to; n: n-th in line. */
  queuePosition: number;
  rereading: boolean;
  /** The reader's account, so that one's own doings read as "you". */
  accountId: string;
  /** Whether the reader changed the text a moment ago. */
  editedByReader: boolean;
}

/** What happens with the document's run, or who did what last, in one plain sentence. */
export function runSentence(view: RunView): string {
  const { run } = view;
  if (!view.connected) return "Reconnecting…";
  if (run === null) return "Ready";
  switch (run.state) {
    case "queued":
      return view.queuePosition > 0
        ? `Waiting, ${ordinal(view.queuePosition)} in line`
        : "Starting…";
    case "streaming":
      if (!view.rereading) return "Writing…";
      return view.editedByReader ? "Reading your edit" : "Reading an edit";
    case "paused":
      return pausedSentence(run, view.accountId);
    case "finished":
      return finishedSentence(run);
    case "stopped":
      return `Stopped by ${nameFor(run.changedBy, view.accountId)}`;
    case "failed":
      return failedSentences[run.reason ?? "error"];
    default:
      return run.state satisfies never;
  }
}

function pausedSentence(run: Run, accountId: string): string {
  const reason = run.reason ?? "by_person";
  if (reason === "by_person") return `Paused by ${nameFor(run.changedBy, accountId)}`;
  return pausedSentences[reason];
}

const safeResume = "Your text is safe; resume when you like";

const pausedSentences: { readonly [reason in Exclude<RunReason, "by_person">]: string } = {
  interrupted: `Interrupted by a restart. ${safeResume}`,
  engine_lost: `The engine stopped. ${safeResume}`,
  engine_full:
    "Paused: the model has no room for this now. Resume in a while, or ask for fewer tokens or beams",
  nothing_allowed:
    "Paused: every word that could come next is banned. Lift a ban, or change a sentence, then resume",
  storage: `The database was away. ${safeResume}`,
  error: `Something failed. ${safeResume}`,
  loop: "Paused: it was repeating itself. Raise the temperature or a penalty, or change a sentence, then resume",
  quota: "Paused: the tokens of today are used up. Your text is safe; resume after midnight UTC",
  access: "Paused: the one who started it may no longer write here",
  document_gone: "Paused: the document was archived",
};

const failedSentences: { readonly [reason in RunReason]: string } = {
  by_person: "The run failed. Your text is safe; start again when you like",
  interrupted: "The run was interrupted. Your text is safe; start again when you like",
  engine_lost: "The engine stopped. Your text is safe; start again when you like",
  engine_full: "The model had no room for this. Start again in a while",
  nothing_allowed: "Every word that could come next is banned. Lift a ban, then start again",
  storage: "The database went away. Start again when you like",
  error: "The run failed. Your text is safe; start again when you like",
  loop: "Ended: it was repeating itself",
  quota: "Ended: the tokens of today were used up",
  access: "Ended: the one who started it may no longer write here",
  document_gone: "Ended: the document is gone",
};

function finishedSentence(run: Run): string {
  const written = `${grouped(run.tokens)} ${run.tokens === 1 ? "token" : "tokens"} written`;
  switch (run.finishReason) {
    case "stop_string":
      return endsWithPlace(run)
        ? `Ended with a ${run.sampling.stopAt}, ${written}`
        : `Ended at a stop string, ${written}`;
    case "end_of_text":
      return `The model ended its text, ${written}`;
    case "max_tokens":
    case "stopped":
    case "error":
    case null:
      return `Finished, ${written}`;
    default:
      return run.finishReason satisfies never;
  }
}

/** Whether an end that was asked for can only have been a sentence's or a paragraph's. */
function endsWithPlace({ sampling }: Run): boolean {
  return sampling.stopAt !== null && sampling.minTokens > 0 && sampling.stop.length === 0;
}

/** How a run ended, or how it stands, for someone who reads about it later. */
export function endingSentence(run: Run, accountId: string): string {
  switch (run.state) {
    case "queued":
    case "streaming":
      return "Writing now";
    case "paused":
      return pausedSentence(run, accountId);
    case "finished":
      return endsWithPlace(run) && run.finishReason === "stop_string"
        ? `With a ${run.sampling.stopAt}`
        : endings[run.finishReason ?? "max_tokens"];
    case "stopped":
      return `Stopped by ${nameFor(run.changedBy, accountId)}`;
    case "failed":
      return failedSentences[run.reason ?? "error"];
    default:
      return run.state satisfies never;
  }
}

const endings: { readonly [reason in FinishReason]: string } = {
  max_tokens: "At its length",
  stop_string: "At a stop string",
  end_of_text: "The model ended its text",
  stopped: "Stopped",
  error: "With an error",
};

/** "you" for the reader, the name for all others. */
export function nameFor(person: { id: string; name: string }, accountId: string): string {
  return person.id === accountId ? "you" : person.name;
}

/** 1st, 2nd, 3rd, 4th, 11th, 21st … */
export function ordinal(place: number): string {
  const suffixes: { readonly [rule: string]: string } = { one: "st", two: "nd", few: "rd" };
  const rule = new Intl.PluralRules("en", { type: "ordinal" }).select(place);
  return `${place}${suffixes[rule] ?? "th"}`;
}
