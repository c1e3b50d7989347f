import { UnavailableError } from "../errors.ts";
import type { Clock } from "../jobs/clock.ts";
import type { Logger } from "../observability/logger.ts";
import type { Engine } from "./engine.ts";
import type { PoolMember, PoolSequence } from "./engine-pool.ts";

export interface RestartingEngineOptions {
  /** Starts the engine; called again whenever it was lost. */
  start: () => Promise<Engine>;
  /** How many generations it lets go on side by side. */
  places: number;
  clock: Clock;
  logger: Logger;
}

type State =
  | { is: "starting" }
  | { is: "running"; engine: Engine; sinceMs: number }
  | { is: "waiting"; untilMs: number; cancel: () => void }
  | { is: "closed" };

interface Waiter {
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** An engine that ran so long was sound: what befalls it then is a new trouble. */
const soundAfterMs = 10_000;
const firstDelayMs = 250;
const longestDelayMs = 30_000;
/** Who needs it waits so long for the next attempt; beyond that he is told at once. */
const patienceMs = 10_000;

/**
 * An engine on this machine, started anew whenever its worker was lost or could not start: at once
 * the first time, then ever more slowly, so that one that cannot live keeps nobody busy.
 */
export class RestartingEngine implements PoolMember {
  readonly name = "local";
  readonly kind = "local";
  readonly places: number;
  readonly #options: RestartingEngineOptions;
  readonly #waiters: Waiter[] = [];
  #state: State = { is: "starting" };
  #starting: Promise<void>;
  /** Losses and failed starts since it was last sound, and in all. */
  #failures = 0;
  #allFailures = 0;
  #lastError: unknown;

  constructor(options: RestartingEngineOptions) {
    this.#options = options;
    this.places = options.places;
    this.#starting = this.#start();
  }

  get available(): boolean {
    return this.#state.is === "running";
  }

  get near(): boolean {
    const state = this.#state;
    switch (state.is) {
      case "running":
      case "starting":
        return true;
      case "waiting":
        return this.#waitMs(state.untilMs) <= patienceMs;
      case "closed":
        return false;
      default:
        return state satisfies never;
    }
  }

  get problem(): string | undefined {
    if (this.available) return undefined;
    return this.#lastError instanceof Error ? this.#lastError.message : "It is being started.";
  }

  get failures(): number {
    return this.#allFailures;
  }

  async ready(): Promise<void> {
    const state = this.#state;
    if (state.is === "running") return;
    if (state.is === "closed") throw closed();
    if (state.is === "waiting") this.#requireSoon(state.untilMs);
    await new Promise<void>((resolve, reject) => void this.#waiters.push({ resolve, reject }));
  }

  open(): PoolSequence {
    const state = this.#state;
    if (state.is !== "running") throw new UnavailableError("The engine is being started.");
    return { sequence: state.engine.open(), isAlive: () => this.#state === state };
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { is: "closed" };
    for (const { reject } of this.#waiters.splice(0)) reject(closed());
    if (state.is === "waiting") state.cancel();
    if (state.is === "running") await state.engine.close();
    await this.#starting;
  }

  /** Never rejects. */
  async #start(): Promise<void> {
    const { start, clock, logger } = this.#options;
    try {
      const engine = await start();
      if (this.#state.is === "closed") return await engine.close();
      const running = { is: "running", engine, sinceMs: clock.now() } as const;
      this.#state = running;
      engine.onLost((error) => {
        if (this.#state === running) this.#lost(error, running.sinceMs);
      });
      for (const { resolve } of this.#waiters.splice(0)) resolve();
    } catch (error) {
      if (this.#state.is === "closed") return;
      logger.error({ err: error, failures: this.#failures + 1 }, "engine cannot be started");
      this.#failures += 1;
      this.#startLater(error, firstDelayMs * 2 ** (this.#failures - 1));
      for (const { reject } of this.#waiters.splice(0)) reject(error);
    }
  }

  #lost(error: Error, sinceMs: number): void {
    if (this.#options.clock.now() - sinceMs >= soundAfterMs) this.#failures = 0;
    this.#failures += 1;
    const delayMs = this.#failures === 1 ? 0 : firstDelayMs * 2 ** (this.#failures - 2);
    this.#startLater(error, delayMs);
  }

  #startLater(error: unknown, wishedDelayMs: number): void {
    const { clock } = this.#options;
    const delayMs = Math.min(wishedDelayMs, longestDelayMs);
    this.#lastError = error;
    this.#allFailures++;
    const cancel = clock.after(delayMs, () => {
      this.#state = { is: "starting" };
      this.#starting = this.#start();
    });
    this.#state = { is: "waiting", untilMs: clock.now() + delayMs, cancel };
  }

  #waitMs(untilMs: number): number {
    return untilMs - this.#options.clock.now();
  }

  #requireSoon(untilMs: number): void {
    const waitMs = this.#waitMs(untilMs);
    if (waitMs <= patienceMs) return;
    throw new UnavailableError(
      `The engine failed ${this.#failures} times in a row. It is started again in ${Math.ceil(waitMs / 1_000)} seconds.`,
      this.#lastError,
    );
  }
}

function closed(): UnavailableError {
  return new UnavailableError("The engine is closed.");
}
