import {
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  ExponentialBackoff,
  handleWhen,
  type IRetryBackoffContext,
  retry,
} from "cockatiel";
import { defaultSampling } from "#shared/sampling.ts";
import type { RemoteEngineSettings } from "../../config/engines-file.ts";
import { InvalidError, UnavailableError } from "../../errors.ts";
import type { Clock } from "../../jobs/clock.ts";
import type { Logger } from "../../observability/logger.ts";
import { requestProblem } from "../check-request.ts";
import type { EngineModel, EngineSequence, GenerationRequest, Tokenizer } from "../engine.ts";
import type { PoolMember, PoolSequence } from "../engine-pool.ts";
import { failedGeneration } from "../failed-generation.ts";
import { type CompletionDelta, readCompletion } from "./completion-events.ts";
import { unheardKnobs, writeRequest } from "./dialects.ts";
import { openRemoteLine, type RemoteLine } from "./remote-answer.ts";
import { RemoteFailure } from "./remote-failure.ts";
import { type Completion, RemoteGeneration } from "./remote-generation.ts";
import { promptText } from "./token-text.ts";
import { type LinePlace, WaitingLine } from "./waiting-line.ts";

export interface RemoteEngineOptions {
  settings: RemoteEngineSettings;
  model: EngineModel;
  tokenizer: Tokenizer;
  clock: Clock;
  logger: Logger;
}

const probeEveryMs = 500;
const shortestRestMs = 1_000;
const longestRestMs = 30_000;
/** A run waits no longer for a busy server: it pauses, and can go on elsewhere. */
const longestRetryMs = 5_000;
const mostRetries = 2;
const longestProbeMs = 10_000;

/**
 * An engine on another machine, spoken to over its completions API. What fails before the first token
 * is tried again; what fails all the same, or in mid-stream, leaves the engine out until it answers
 * again.
 */
export class RemoteEngine implements PoolMember {
  readonly kind = "remote";
  readonly #options: RemoteEngineOptions;
  readonly #line: RemoteLine;
  readonly #places: WaitingLine;
  readonly #generations = new Set<RemoteGeneration>();
  readonly #breaker = circuitBreaker(handleWhen(isOfTheEngine), {
    halfOpenAfter: new ExponentialBackoff({
      initialDelay: shortestRestMs,
      maxDelay: longestRestMs,
    }),
    breaker: new ConsecutiveBreaker(1),
  });
  readonly #retry = retry(handleWhen(isPassing), {
    maxAttempts: mostRetries,
    backoff: new DelegateBackoff(retryDelay),
  });
  readonly #untold: Set<string> = new Set();
  #failures = 0;
  #problem: string | undefined;
  #cancelProbe: () => void = () => {};
  #probing: Promise<void>;
  /** Whether it has ever answered. */
  #known = false;
  readonly #closing = new AbortController();

  constructor(options: RemoteEngineOptions) {
    this.#options = options;
    this.#line = openRemoteLine(options.settings);
    this.#places = new WaitingLine(options.settings.places);
    this.#breaker.onBreak(() => this.#broke());
    this.#breaker.onReset(() => options.logger.info("engine answers again"));
    this.#probing = this.#probe();
  }

  get name(): string {
    return this.#options.settings.name;
  }

  get places(): number {
    return this.#options.settings.places;
  }

  get available(): boolean {
    return this.#known && !this.#isClosed() && this.#breaker.state === CircuitState.Closed;
  }

  get problem(): string | undefined {
    return this.available ? undefined : (this.#problem ?? "It has not answered yet.");
  }

  /** How often it was left out since the start. */
  get failures(): number {
    return this.#failures;
  }

  async ready(): Promise<void> {
    await this.#probing;
    if (this.available) return;
    const problem = this.#problem ?? "It is closed.";
    throw new UnavailableError(
      `The engine ${this.name} cannot be used now. ${problem} Choose another model, or try again in a while.`,
    );
  }

  open(): PoolSequence {
    if (!this.available) throw new UnavailableError(`The engine ${this.name} is not there now.`);
    return { sequence: this.#sequence(), isAlive: () => this.available };
  }

  async close(): Promise<void> {
    this.#cancelProbe();
    this.#closing.abort(new Error("closed"));
    for (const generation of this.#generations)
      generation.cancel(new UnavailableError("The engine is closed."));
    await this.#probing;
    this.#line.close();
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #sequence(): EngineSequence {
    let current: { generation: RemoteGeneration; place: LinePlace } | undefined;
    let closed = false;
    return {
      generate: (request, signal) => {
        current?.generation.cancel();
        current = undefined;
        const refusal = closed
          ? new InvalidError("The sequence is closed.")
          : requestProblem(request, this.#options.model);
        if (refusal !== undefined) return failedGeneration(refusal);
        if (signal?.aborted) return failedGeneration(signal.reason);
        if (this.#isClosed())
          return failedGeneration(new UnavailableError("The engine is closed."));
        current = this.#begin(request, signal);
        return current.generation.stream;
      },
      get queuePosition() {
        return current?.place.position() ?? 0;
      },
      async close() {
        closed = true;
        current?.generation.cancel();
      },
    };
  }

  #begin(request: GenerationRequest, signal: AbortSignal | undefined) {
    const { settings, model, tokenizer } = this.#options;
    this.#tellUnheard(request);
    const generation = new RemoteGeneration({
      request,
      settings,
      model: { ...model, tokenizer },
      send: (body, aborted) => this.#send(body, aborted),
    });
    const place = this.#places.join();
    const abort = () => generation.cancel(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.#generations.add(generation);
    void this.#run(generation, place).finally(() => {
      place.leave();
      signal?.removeEventListener("abort", abort);
      this.#generations.delete(generation);
    });
    return { generation, place };
  }

  /** Never rejects: the stream tells its consumer what went wrong. */
  async #run(generation: RemoteGeneration, place: LinePlace): Promise<void> {
    const { signal } = generation;
    const cancelled = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([place.ready, cancelled]);
    try {
      // One that is cancelled while a server is left alone leaves at once.
      if (!signal.aborted) await Promise.race([generation.run(), cancelled]);
    } catch (error) {
      this.#options.logger.warn({ err: error }, "engine failed a run");
      // Whoever asks again when he is told finds it left out.
      await this.#note(error);
      generation.cancel(error);
    }
  }

  /** Opens the breaker for what broke a stream; what failed before has opened it already. */
  async #note(error: unknown): Promise<void> {
    if (this.#breaker.state !== CircuitState.Closed) return;
    await this.#breaker.execute(() => Promise.reject(asError(error))).catch(() => undefined);
  }

  #send(body: object, signal: AbortSignal): Promise<Completion> {
    return this.#retry.execute(() => this.#attempt(body, signal), signal);
  }

  /** Resolves with the completion once its first delta is there. */
  async #attempt(
    body: object,
    signal: AbortSignal,
    firstTokenTimeoutMs = this.#options.settings.firstTokenTimeoutMs,
  ): Promise<Completion> {
    const { tokenTimeoutMs } = this.#options.settings;
    const patience = new Patience(signal, this.#options.clock);
    try {
      patience.start(firstTokenTimeoutMs);
      const answer = await this.#line.ask({
        path: "/v1/completions",
        body,
        signal: patience.signal,
      });
      const deltas = readCompletion(answer);
      const first = await deltas.next();
      patience.stop();
      return goOn(first, deltas, patience, tokenTimeoutMs);
    } catch (error) {
      throw patience.explain(error);
    }
  }

  #tellUnheard({ sampling }: GenerationRequest): void {
    const { kind } = this.#options.settings;
    const unheard = unheardKnobs(kind, sampling).filter((knob) => !this.#untold.has(knob));
    if (unheard.length === 0) return;
    for (const knob of unheard) this.#untold.add(knob);
    this.#options.logger.warn({ knobs: unheard }, "engine does not know these sampling fields");
  }

  #broke(): void {
    const { lastFailure } = this.#breaker;
    const error = lastFailure && "error" in lastFailure ? lastFailure.error : undefined;
    this.#failures++;
    this.#problem = error?.message;
    this.#options.logger.warn({ err: error }, "engine left out until it answers again");
    this.#probeLater();
  }

  #probeLater(): void {
    this.#cancelProbe();
    if (this.#isClosed()) return;
    this.#cancelProbe = this.#options.clock.after(probeEveryMs, () => {
      this.#probing = this.#probe();
    });
  }

  /** Asks whether the server is there; while the breaker rests it is not bothered. Never rejects. */
  async #probe(): Promise<void> {
    try {
      await this.#breaker.execute(() => this.#knock());
      this.#known = true;
      this.#problem = undefined;
    } catch {
      this.#probeLater();
    }
  }

  /** Has one token drawn: only that shows that the model is there, and that we may use it. */
  async #knock(): Promise<void> {
    const { settings, model, tokenizer } = this.#options;
    const body = writeRequest(settings, {
      prompt: settings.prompt === "tokens" ? [model.endOfTextId] : promptText(tokenizer, []),
      sampling: { ...defaultSampling, strategy: "greedy", seed: 0 },
      firstIndex: 0,
      maxTokens: 1,
      bannedEnd: model.endOfTextId,
      alternatives: 0,
      beside: {},
    });
    const limitMs = Math.min(settings.firstTokenTimeoutMs, longestProbeMs);
    const completion = await this.#attempt(body, this.#closing.signal, limitMs);
    for await (const _delta of completion) break;
  }
}

/** A limit to how long a server may keep us waiting, beside the caller's own signal. */
class Patience {
  readonly signal: AbortSignal;
  readonly #caller: AbortSignal;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #cancel: () => void = () => {};

  constructor(caller: AbortSignal, clock: Clock) {
    this.#caller = caller;
    this.#clock = clock;
    this.signal = AbortSignal.any([caller, this.#over.signal]);
  }

  start(limitMs: number): void {
    this.stop();
    this.#cancel = this.#clock.after(limitMs, () => this.abandon());
  }

  stop(): void {
    this.#cancel();
  }

  /** Closes the request. */
  abandon(): void {
    this.#over.abort(new Error("given up"));
  }

  /** The error as the caller should see it; the request is closed. */
  explain(error: unknown): unknown {
    this.stop();
    const wasSilent = this.#over.signal.aborted && !this.#caller.aborted;
    this.abandon();
    if (!wasSilent) return error;
    const message = "The engine's server kept a run waiting for too long.";
    return new RemoteFailure("silent", message, { cause: error });
  }
}

async function* goOn(
  first: IteratorResult<CompletionDelta, void>,
  deltas: AsyncGenerator<CompletionDelta, void, undefined>,
  patience: Patience,
  tokenTimeoutMs: number,
): AsyncGenerator<CompletionDelta, void, undefined> {
  try {
    for (let step = first; step.done !== true; ) {
      yield step.value;
      // Time that the consumer takes is not the server's.
      patience.start(tokenTimeoutMs);
      step = await deltas.next();
      patience.stop();
    }
  } catch (error) {
    throw patience.explain(error);
  } finally {
    patience.abandon();
  }
}

function isPassing(error: Error): boolean {
  if (!(error instanceof RemoteFailure) || !error.isPassing) return false;
  return (error.retryAfterMs ?? 0) <= longestRetryMs;
}

function isOfTheEngine(error: Error): boolean {
  return error instanceof RemoteFailure && error.isOfTheEngine;
}

/** As long as the server asks for, else a moment that grows. */
function retryDelay({ attempt, result }: IRetryBackoffContext<unknown>): number {
  const error = "error" in result ? result.error : undefined;
  const wished = error instanceof RemoteFailure ? error.retryAfterMs : undefined;
  return wished ?? 200 * 2 ** attempt;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("unknown", { cause: error });
}
