import type { ChildProcess } from "node:child_process";
import { startChild } from "../config/child-process.ts";
import { UnavailableError } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";
import type { GenerationRequest } from "./engine.ts";
import { EngineFullError } from "./engine-full.ts";
import { NothingAllowedError } from "./nothing-allowed.ts";
import {
  type Command,
  type Report,
  reportsSchema,
  type WorkerRequest,
  type WorkerSettings,
} from "./protocol.ts";
import { TokenStream } from "./token-stream.ts";

/** A generation in the worker and the stream that its tokens go to. */
export interface WorkerGeneration {
  readonly id: number;
  readonly stream: TokenStream;
  /** Ends it here at once and in the worker within one step; the loop throws `error` if given. */
  cancel(error?: unknown): void;
  onEnd(listener: () => void): void;
}

interface Running {
  stream: TokenStream;
  endListeners: (() => void)[];
}

const closeTimeoutMs = 5_000;

/**
 * Starts the worker of an engine: a process, so that native code which fails takes nothing with it,
 * in a session of its own, so that its low priority counts beside other programs too.
 */
export function startWorker(settings: WorkerSettings): ChildProcess {
  return startChild(new URL("./worker.mjs", import.meta.url), JSON.stringify(settings), {
    serialization: "advanced",
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

/** The engine's worker, seen from the server. */
export class EngineWorker {
  /** Resolves when the model is loaded; rejects with an UnavailableError when it cannot be. */
  readonly ready: Promise<void>;
  readonly #worker: ChildProcess;
  readonly #logger: Logger | undefined;
  readonly #running = new Map<number, Running>();
  readonly #lostListeners: ((error: Error) => void)[] = [];
  readonly #exited: Promise<unknown>;
  #queue: readonly number[] = [];
  /** Tokens taken since the worker was last told, by generation. */
  #taken = new Map<number, number>();
  #generations = 0;
  #end: UnavailableError | undefined;
  #closing: Promise<void> | undefined;
  #becomeReady: () => void = () => {};
  #failToStart: (error: Error) => void = () => {};

  constructor(worker: ChildProcess, logger: Logger | undefined) {
    this.#logger = logger;
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#failToStart = reject;
    });
    this.#worker = worker;
    this.#exited = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#worker.on("message", (message) => this.#receive(message));
    this.#worker.on("error", (cause) => this.#lose("The engine failed.", cause));
    this.#worker.on("exit", (code, signal) =>
      this.#lose("The engine stopped.", new Error(`its process ended with ${signal ?? code}`)),
    );
  }

  /** Throws an UnavailableError when the worker is closed or lost. */
  requireAlive(): void {
    if (this.#end !== undefined) throw this.#end;
  }

  generate(sequence: number, request: GenerationRequest): WorkerGeneration {
    const id = this.#generations++;
    const running: Running = {
      stream: new TokenStream({
        taken: () => this.#take(id),
        left: () => this.#cancel(id),
      }),
      endListeners: [],
    };
    const generation: WorkerGeneration = {
      id,
      stream: running.stream,
      cancel: (error) => this.#cancel(id, error),
      onEnd: (listener) => void running.endListeners.push(listener),
    };
    if (this.#end !== undefined) {
      running.stream.stop(this.#end);
      return generation;
    }
    this.#running.set(id, running);
    this.#send({ type: "generate", generation: id, sequence, request: copyOf(request) });
    return generation;
  }

  /** 0 when it does not wait for a place; else its number in line. */
  queuePosition(generation: number): number {
    return this.#queue.indexOf(generation) + 1;
  }

  forget(sequence: number): void {
    this.#send({ type: "forget", sequence });
  }

  onLost(listener: (error: Error) => void): void {
    this.#lostListeners.push(listener);
  }

  /** Ends every generation, frees the model and waits until the process has exited. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#end === undefined) {
      this.#send({ type: "close" });
      this.#endAll(new UnavailableError("The engine is closed."));
    }
    const timer = setTimeout(() => this.#worker.kill("SIGKILL"), closeTimeoutMs);
    await this.#exited;
    clearTimeout(timer);
  }

  #receive(message: unknown): void {
    const reports = reportsSchema.safeParse(message);
    for (const report of reports.data ?? []) this.#hear(report);
    if (reports.success) return;
    this.#lose("The engine sent something that cannot be understood.", reports.error);
    this.#worker.kill("SIGKILL");
  }

  /** The worker is told once of all that consumers take in one turn of the event loop. */
  #take(id: number): void {
    if (this.#taken.size === 0) setImmediate(() => this.#tellTaken());
    this.#taken.set(id, (this.#taken.get(id) ?? 0) + 1);
  }

  #tellTaken(): void {
    const taken = [...this.#taken].map(([generation, count]) => ({ generation, count }));
    this.#taken.clear();
    this.#send({ type: "credit", taken });
  }

  #hear(report: Report): void {
    switch (report.type) {
      case "ready":
        this.#logger?.info({ runtime: report.runtime }, "engine ready");
        if (report.fallbackReason !== undefined) {
          const reason = report.fallbackReason;
          this.#logger?.warn({ reason }, "the zero-copy runtime is not available here");
        }
        return this.#becomeReady();
      case "prefilled":
        return this.#running.get(report.generation)?.stream.prefilled(report.report);
      case "token":
        return this.#running.get(report.generation)?.stream.push(report.token);
      case "ended":
        return this.#remove(report.generation)?.stream.end();
      case "failed":
        return this.#remove(report.generation)?.stream.stop(
          new UnavailableError(`The engine could not go on: ${report.message}`),
        );
      case "refused":
        return this.#remove(report.generation)?.stream.stop(new EngineFullError(report.message));
      case "barred":
        return this.#remove(report.generation)?.stream.stop(new NothingAllowedError());
      case "queue":
        this.#queue = report.generations;
        return;
      default:
        return report satisfies never;
    }
  }

  #cancel(id: number, error?: unknown): void {
    const running = this.#remove(id);
    if (running === undefined) return;
    running.stream.stop(error);
    this.#send({ type: "cancel", generation: id });
  }

  #remove(id: number): Running | undefined {
    const running = this.#running.get(id);
    this.#running.delete(id);
    for (const listener of running?.endListeners ?? []) listener();
    return running;
  }

  #lose(message: string, cause?: unknown): void {
    if (this.#end !== undefined) return;
    const error = new UnavailableError(message, cause);
    this.#endAll(error);
    this.#failToStart(error);
    this.#logger?.error({ err: cause }, "engine lost");
    for (const listener of this.#lostListeners) listener(error);
  }

  #endAll(error: UnavailableError): void {
    this.#end = error;
    this.#queue = [];
    for (const id of this.#running.keys()) this.#remove(id)?.stream.stop(error);
  }

  #send(command: Command): void {
    if (this.#end === undefined) this.#worker.send(command);
  }
}

function copyOf(request: GenerationRequest): WorkerRequest {
  const { prompt, firstIndex, sampling, history = [], written = [] } = request;
  const { bannedSequences = [], alternatives = 0 } = request;
  return {
    prompt: [...prompt],
    firstIndex,
    sampling,
    history: [...history],
    written: [...written],
    bannedSequences: bannedSequences.map((ids) => [...ids]),
    alternatives,
  };
}
