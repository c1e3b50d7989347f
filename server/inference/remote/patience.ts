import type { Clock } from "../../jobs/clock.ts";
import { RemoteFailure } from "./remote-failure.ts";

/** A limit to how long a server may keep us waiting, beside the caller's own signal. */
export class Patience {
  /** Aborts when the caller does, and when the server was silent for too long. */
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
