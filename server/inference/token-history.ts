/**
 * The tokens that penalties look at: what the model sees, and what the request names before it.
 * Asking which tokens would repeat an n-gram costs no walk over the text.
 */
export class TokenHistory {
  readonly #tokens: number[] = [];
  readonly #seen = new Set<number>();
  readonly #followers = new Map<string, number[]>();
  readonly #ngramSize: number;

  /** `ngramSize` 0 keeps no n-grams. */
  constructor(ngramSize: number, tokens: Iterable<number>) {
    this.#ngramSize = ngramSize;
    for (const id of tokens) this.add(id);
  }

  /** Every token that occurs. */
  get seen(): ReadonlySet<number> {
    return this.#seen;
  }

  add(id: number): void {
    if (this.#ngramSize > 0 && this.#tokens.length >= this.#ngramSize - 1) {
      const start = this.#lastWords();
      const followers = this.#followers.get(start);
      if (followers === undefined) this.#followers.set(start, [id]);
      else followers.push(id);
    }
    this.#tokens.push(id);
    this.#seen.add(id);
  }

  /** The tokens that would complete an n-gram that is already there. */
  repeatingNext(): readonly number[] {
    if (this.#ngramSize === 0 || this.#tokens.length < this.#ngramSize - 1) return [];
    return this.#followers.get(this.#lastWords()) ?? [];
  }

  /** The last n − 1 tokens, as a key. */
  #lastWords(): string {
    return this.#tokens.slice(this.#tokens.length - this.#ngramSize + 1).join(" ");
  }
}
