import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { DocumentRole } from "#shared/permissions.ts";
import type { Run } from "#shared/run.ts";
import type { SamplingInput } from "#shared/sampling.ts";
import type { RunReread, RunStats } from "#shared/socket-events.ts";
import { LiveError } from "./live-error.ts";
import { useLiveSocket } from "./live-provider.tsx";
import type { LiveSocket } from "./live-socket.ts";
import type { LiveEvent } from "./live-state.ts";
import { createLiveStore, type LiveMoment, type StatsSource } from "./live-store.ts";
import { createRunCommands, type RunCommands, type StartChoice } from "./run-commands.ts";

const joinTimeoutMs = 8_000;
/** How long a re-read is said: long enough to be read, though the model needs far less. */
const rereadShownMs = 1_200;

export type RunCommandName = keyof RunCommands;

/**
 * A document's live side: what is known, and what can be asked. Commands never throw, and stay the same
 * functions while the page is open.
 */
export interface DocumentLive extends LiveMoment {
  /** The numbers of the run that is shown. */
  readonly stats: StatsSource;
  /** The command that waits for its answer. */
  pending: RunCommandName | null;
  /** The sentence of the last command, where it failed; gone with whatever happens next. */
  failure: string | null;
  start: (choice: StartChoice) => Promise<void>;
  pause: () => Promise<void>;
  resume: () => Promise<void>;
  stop: () => Promise<void>;
  tune: (sampling: SamplingInput) => Promise<void>;
}

/**
 * Joins the document over Socket.IO, again after each reconnect, and leaves it when the page goes.
 * `seen` gives the state vector of what the person sees, sent along with each command.
 */
export function useDocumentLive(documentId: string, seen: () => string | undefined): DocumentLive {
  const socket = useLiveSocket();
  const [store] = useState(createLiveStore);
  const { dispatch } = store;
  const state = useSyncExternalStore(store.subscribe, store.getMoment);
  useEffect(() => listen(socket, documentId, dispatch), [socket, documentId, dispatch]);
  const [pending, setPending] = useState<RunCommandName | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const seenNow = useRef(seen);
  useEffect(() => {
    seenNow.current = seen;
  });
  const commands = useMemo(() => {
    const perform = async (name: RunCommandName, send: (commands: RunCommands) => Promise<Run>) => {
      const before = nameOf(store.getMoment());
      setPending(name);
      setFailure(null);
      try {
        if (!socket.connected)
          throw new LiveError("no_answer", "There is no connection to the server.");
        const sending = createRunCommands(socket, documentId, () => seenNow.current());
        store.dispatch({ type: "run", run: await send(sending) });
      } catch (error) {
        setFailure({ sentence: sentenceOfFailure(error), moment: before });
      } finally {
        setPending(null);
      }
    };
    return {
      start: (choice: StartChoice) => perform("start", (commands) => commands.start(choice)),
      pause: () => perform("pause", (commands) => commands.pause()),
      resume: () => perform("resume", (commands) => commands.resume()),
      stop: () => perform("stop", (commands) => commands.stop()),
      tune: (sampling: SamplingInput) => perform("tune", (commands) => commands.tune(sampling)),
    };
  }, [socket, documentId, store]);
  return {
    ...state,
    ...commands,
    stats: store.stats,
    pending,
    // A failure is outdated by whatever happens next.
    failure: failure?.moment === nameOf(state) ? failure.sentence : null,
  };
}

/** The same for as long as nothing happens to the run or the connection. */
function nameOf({ link, run }: LiveMoment): string {
  return `${link} ${run?.id} ${run?.state}`;
}

interface Failure {
  sentence: string;
  /** What the page showed when the command was given. */
  moment: string;
}

function sentenceOfFailure(error: unknown): string {
  return error instanceof LiveError ? error.message : "That did not work. Try again.";
}

/** Subscribes to the document's events and keeps joined; returns how to end it. */
function listen(
  socket: LiveSocket,
  documentId: string,
  dispatch: (event: LiveEvent) => void,
): () => void {
  const handlers = {
    connect: () => void join(socket, documentId, dispatch),
    disconnect: () => dispatch({ type: "away" }),
    run: (event: { documentId: string; run: Run }) => {
      if (event.documentId === documentId) dispatch({ type: "run", run: event.run });
    },
    stats: (stats: RunStats) => {
      if (stats.documentId === documentId) dispatch({ type: "stats", stats });
    },
    reread: (reread: RunReread) => {
      if (reread.documentId !== documentId) return;
      dispatch({ type: "reread", reread });
      setTimeout(() => dispatch({ type: "reread-over", reread }), rereadShownMs);
    },
    access: (event: { documentId: string; role: DocumentRole | null }) => {
      if (event.documentId === documentId) dispatch({ type: "access", role: event.role });
    },
  };
  socket.on("connect", handlers.connect);
  socket.on("disconnect", handlers.disconnect);
  socket.on("run:state", handlers.run);
  socket.on("run:stats", handlers.stats);
  socket.on("run:reread", handlers.reread);
  socket.on("document:access", handlers.access);
  if (socket.connected) handlers.connect();
  return () => {
    socket.off("connect", handlers.connect);
    socket.off("disconnect", handlers.disconnect);
    socket.off("run:state", handlers.run);
    socket.off("run:stats", handlers.stats);
    socket.off("run:reread", handlers.reread);
    socket.off("document:access", handlers.access);
    if (socket.connected) socket.emit("document:leave", { documentId }, () => undefined);
  };
}

async function join(
  socket: LiveSocket,
  documentId: string,
  dispatch: (event: LiveEvent) => void,
): Promise<void> {
  try {
    // The text itself brings what a run writes.
    const input = { documentId, tokens: false };
    const answer = await socket.timeout(joinTimeoutMs).emitWithAck("document:join", input);
    if (answer.ok) dispatch({ type: "joined", role: answer.role, run: answer.run });
    else dispatch({ type: "refused", sentence: answer.message });
  } catch {
    // No answer in time: the connection is gone or about to be, and its return joins again.
    dispatch({ type: "away" });
  }
}
