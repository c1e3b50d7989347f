import type { GenerationRequest } from "../engine.ts";

/** The tokens that a model sees while a run goes on: past its context the oldest half goes. */
export class GenerationWindow {
  #tokens: number[];
  #dropped = 0;
  readonly #contextTokens: number;

  constructor({ prompt }: Pick<GenerationRequest, "prompt">, contextTokens: number) {
    this.#tokens = [...prompt];
    this.#contextTokens = contextTokens;
  }

  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** Tokens that have left it. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How many tokens may be drawn before the oldest half has to go, at least `least`; it goes for them. */
  room(least: number): number {
    if (this.#contextTokens - this.#tokens.length < least) {
      const kept = Math.floor(this.#contextTokens / 2);
      this.#dropped += this.#tokens.length - kept;
      this.#tokens = this.#tokens.slice(-kept);
    }
    return this.#contextTokens - this.#tokens.length;
  }

  push(id: number): void {
    this.#tokens.push(id);
  }
}
