import { defaultSampling } from "#shared/sampling.ts";
import type { RemoteEngineSettings } from "../../config/engines-file.ts";
import { InvalidError, UnavailableError } from "../../errors.ts";
import type { Clock } from "../../jobs/clock.ts";
import type { Logger } from "../../observability/logger.ts";
import { requestProblem } from "../check-request.ts";
import type { EngineModel, EngineSequence, GenerationRequest, Tokenizer } from "../engine.ts";
import type { PoolMember, PoolSequence } from "../engine-pool.ts";
import { failedGeneration } from "../failed-generation.ts";
import { CompletionLine } from "./completion-line.ts";
import { unheardKnobs, writeRequest } from "./dialects.ts";
import { RemoteGeneration } from "./remote-generation.ts";
import { promptText } from "./token-text.ts";
import { type LinePlace, WaitingLine } from "./waiting-line.ts";
import { type Rests, WatchedServer } from "./watched-server.ts";

export interface RemoteEngineOptions {
  settings: RemoteEngineSettings;
  model: EngineModel;
  tokenizer: Tokenizer;
  clock: Clock;
  logger: Logger;
  /** How long it is left alone where it failed; usually from 1 s to 8. */
  rests?: Rests;
}

const longestProbeMs = 10_000;

/**
 * An engine on another machine, spoken to over its completions API. What fails before the first token
 * is tried again; what fails all the same, or in mid-stream, leaves the engine out until it answers
 * again.
 */
export class RemoteEngine implements PoolMember {
  readonly kind = "remote";
  readonly #options: RemoteEngineOptions;
  readonly #line: CompletionLine;
  readonly #server: WatchedServer;
  readonly #places: WaitingLine;
  readonly #generations = new Set<RemoteGeneration>();
  readonly #untold: Set<string> = new Set();
  readonly #closing = new AbortController();

  constructor(options: RemoteEngineOptions) {
    const { settings, clock, logger, rests } = options;
    this.#options = options;
    this.#line = new CompletionLine(options);
    this.#places = new WaitingLine(settings.places);
    this.#server = new WatchedServer({ knock: () => this.#knock(), clock, logger, rests });
  }

  get name(): string {
    return this.#options.settings.name;
  }

  get places(): number {
    return this.#options.settings.places;
  }

  get available(): boolean {
    return this.#server.available;
  }

  get near(): boolean {
    return this.#server.near;
  }

  get problem(): string | undefined {
    return this.#server.problem;
  }

  get failures(): number {
    return this.#server.failures;
  }

  async ready(): Promise<void> {
    await this.#server.asked();
    if (this.available) return;
    const problem = this.#isClosed() ? "It is closed." : (this.problem ?? "");
    throw new UnavailableError(
      `The engine ${this.name} cannot be used now. ${problem} Choose another model, or try again in a while.`,
    );
  }

  open(): PoolSequence {
    if (!this.available) throw new UnavailableError(`The engine ${this.name} is not there now.`);
    return { sequence: this.#sequence(), isAlive: () => this.available };
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    for (const generation of this.#generations)
      generation.cancel(new UnavailableError("The engine is closed."));
    await this.#server.close();
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
      send: (body, aborted) => this.#line.ask(body, aborted),
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
      await this.#server.note(error);
      generation.cancel(error);
    }
  }

  #tellUnheard({ sampling }: GenerationRequest): void {
    const { kind } = this.#options.settings;
    const unheard = unheardKnobs(kind, sampling).filter((knob) => !this.#untold.has(knob));
    if (unheard.length === 0) return;
    for (const knob of unheard) this.#untold.add(knob);
    this.#options.logger.warn({ knobs: unheard }, "engine does not know these sampling fields");
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
    const completion = await this.#line.attempt(body, this.#closing.signal, limitMs);
    for await (const _delta of completion) break;
  }
}
