import type { GeneratedToken, Generation, PrefillReport } from "./engine.ts";

export interface TokenStreamHooks {
  /** The consumer has taken one token. */
  taken(): void;
  /** The consumer has left before the end. */
  left(): void;
}

type State = { is: "open" } | { is: "ended" } | { is: "failed"; error: unknown };

/** The consumer's side of one generation, fed from the worker's reports; it can be iterated once. */
export class TokenStream implements Generation {
  readonly prefill: Promise<PrefillReport>;
  readonly #hooks: TokenStreamHooks;
  readonly #tokens: GeneratedToken[] = [];
  #state: State = { is: "open" };
  #wake: () => void = () => {};
  #resolvePrefill: (report: PrefillReport) => void = () => {};
  #rejectPrefill: (error: unknown) => void = () => {};

  constructor(hooks: TokenStreamHooks) {
    this.#hooks = hooks;
    this.prefill = new Promise((resolve, reject) => {
      this.#resolvePrefill = resolve;
      this.#rejectPrefill = reject;
    });
    // Whoever awaits it sees the rejection; nobody has to await it.
    this.prefill.catch(() => undefined);
  }

  prefilled(report: PrefillReport): void {
    this.#resolvePrefill(report);
  }

  push(token: GeneratedToken): void {
    if (this.#state.is !== "open") return;
    this.#tokens.push(token);
    this.#wake();
  }

  /** No more tokens come; those that are here are still handed out. */
  end(): void {
    if (this.#state.is !== "open") return;
    this.#state = { is: "ended" };
    this.#rejectPrefill(new Error("The generation ended before its prompt was computed."));
    this.#wake();
  }

  /** Ends at once: without error when there is none, and without the tokens still here. */
  stop(error?: unknown): void {
    if (this.#state.is === "failed") return;
    this.#tokens.length = 0;
    if (error === undefined) return this.end();
    this.#state = { is: "failed", error };
    this.#rejectPrefill(error);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GeneratedToken, void, undefined> {
    try {
      for (;;) {
        const token = this.#tokens.shift();
        if (token !== undefined) {
          this.#hooks.taken();
          yield token;
        } else if (this.#state.is === "failed") {
          throw this.#state.error;
        } else if (this.#state.is === "ended") {
          return;
        } else {
          await this.#somethingNew();
        }
      }
    } finally {
      if (this.#state.is === "open") this.#hooks.left();
    }
  }

  #somethingNew(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
