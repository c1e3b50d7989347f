import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  noJitterGenerator,
} from "cockatiel";
import type { Clock } from "../../jobs/clock.ts";
import type { Logger } from "../../observability/logger.ts";
import { RemoteFailure } from "./remote-failure.ts";

export interface WatchedServerOptions {
  /** Has the server do a little of what runs want of it; rejects where it does not. */
  knock: () => Promise<void>;
  clock: Clock;
  logger: Logger;
  /** How long it is left alone after a failure; twice as long after each further one. */
  rests?: Rests | undefined;
}

/** The first and the longest time between two questions whether a server is there, in milliseconds. */
export interface Rests {
  shortestMs: number;
  longestMs: number;
}

/** A probe costs one token; whoever waits for an engine to come back waits no longer than the longest. */
const usualRests: Rests = { shortestMs: 1_000, longestMs: 8_000 };

/** Whether a server can be used: left out by the first failure, and asked ever more rarely until it answers. */
export class WatchedServer {
  readonly #options: WatchedServerOptions;
  readonly #rests: Rests;
  readonly #breaker: CircuitBreakerPolicy;
  #failures = 0;
  #problem: string | undefined;
  #cancelProbe: () => void = () => {};
  #probing: Promise<void>;
  /** Whether it has ever answered. */
  #known = false;
  #closed = false;

  constructor(options: WatchedServerOptions) {
    this.#options = options;
    this.#rests = options.rests ?? usualRests;
    this.#breaker = breakAtOnce(this.#rests);
    this.#breaker.onBreak(() => this.#broke());
    this.#breaker.onReset(() => options.logger.info("engine answers again"));
    this.#probing = this.#probe();
  }

  get available(): boolean {
    return this.#known && !this.#closed && this.#breaker.state === CircuitState.Closed;
  }

  /** Whether it is available, or has not been heard of yet. */
  get near(): boolean {
    return this.available || (!this.#known && !this.#closed && this.#problem === undefined);
  }

  get problem(): string | undefined {
    return this.available ? undefined : (this.#problem ?? "It has not answered yet.");
  }

  /** How often it was left out since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Resolves when the probe that is under way has ended. */
  async asked(): Promise<void> {
    await this.#probing;
  }

  /** Leaves the server out for what broke a stream; what failed before has done so already. */
  async note(error: unknown): Promise<void> {
    if (this.#breaker.state !== CircuitState.Closed) return;
    await this.#breaker.execute(() => Promise.reject(asError(error))).catch(() => undefined);
  }

  /** `knock` is told by whoever made it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelProbe();
    await this.#probing;
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
    if (this.#closed) return;
    this.#cancelProbe = this.#options.clock.after(this.#rests.shortestMs / 2, () => {
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

  async #knock(): Promise<void> {
    try {
      await this.#options.knock();
    } catch (error) {
      throw refusesAll(error) ?? error;
    }
  }
}

/** Opens with the first failure, and rests ever longer; jitter is for many who ask at once. */
function breakAtOnce({ shortestMs, longestMs }: Rests): CircuitBreakerPolicy {
  return circuitBreaker(handleWhen(isOfTheServer), {
    halfOpenAfter: new ExponentialBackoff({
      initialDelay: shortestMs,
      maxDelay: longestMs,
      generator: noJitterGenerator,
    }),
    breaker: new ConsecutiveBreaker(1),
  });
}

/** A server that refuses the plainest request would refuse every other: that is of the server. */
function refusesAll(error: unknown): RemoteFailure | undefined {
  if (!(error instanceof RemoteFailure) || error.trouble !== "refused") return undefined;
  return new RemoteFailure("denied", error.message, { cause: error.cause });
}

function isOfTheServer(error: Error): boolean {
  return error instanceof RemoteFailure && error.isOfTheEngine;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("unknown", { cause: error });
}
