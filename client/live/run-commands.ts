import type { Run } from "#shared/run.ts";
import type { SamplingInput } from "#shared/sampling.ts";
import type { RunAnswer, StartRunInput } from "#shared/socket-events.ts";
import { LiveError } from "./live-error.ts";
import type { LiveSocket } from "./live-socket.ts";

/** Longer than the server's own wait for `seen` (2 s) and a model that has to be loaded first. */
const answerTimeoutMs = 15_000;

export type StartChoice = Pick<StartRunInput, "at" | "caret" | "model" | "sampling">;

/** The five commands on a document's run; each resolves with the run or throws LiveError. */
export interface RunCommands {
  start(choice: StartChoice): Promise<Run>;
  pause(): Promise<Run>;
  resume(): Promise<Run>;
  stop(): Promise<Run>;
  tune(sampling: SamplingInput): Promise<Run>;
}

/** Commands over `socket`; `seen` gives the state vector of the text that the person looks at. */
export function createRunCommands(
  socket: LiveSocket,
  documentId: string,
  seen: () => string | undefined,
): RunCommands {
  // Each time anew: the limit is the next event's only, whoever sends that.
  const answering = () => socket.timeout(answerTimeoutMs);
  const common = () => {
    const stateVector = seen();
    return stateVector === undefined ? { documentId } : { documentId, seen: stateVector };
  };
  return {
    start: (choice) => runOf(answering().emitWithAck("run:start", { ...common(), ...choice })),
    pause: () => runOf(answering().emitWithAck("run:pause", common())),
    resume: () => runOf(answering().emitWithAck("run:resume", common())),
    stop: () => runOf(answering().emitWithAck("run:stop", common())),
    // Tuning names no text, so it need not wait for any.
    tune: (sampling) => runOf(answering().emitWithAck("run:tune", { documentId, sampling })),
  };
}

async function runOf(answering: Promise<RunAnswer>): Promise<Run> {
  const answer = await answering.catch(() => {
    throw new LiveError("no_answer", "The server did not answer. Try again in a moment.");
  });
  if (answer.ok) return answer.run;
  throw new LiveError(answer.code, answer.message);
}
