/** So many of the newest tokens that the run itself wrote count for frequency and presence. */
export const countedTokens = 1024;

/**
 * The tokens that penalties look at: what the model sees and what the request names before it, and
 * how often the run itself wrote each.
 */
export class TokenHistory {
  readonly #ngramSize: number;
  readonly #tokens: number[];
  readonly #seen: Set<number>;
  readonly #written: number[];
  readonly #counts = new Map<number, number>();

  /** `ngramSize` 0 blocks no n-grams; `written` are the ids that the run wrote before, oldest first. */
  constructor(ngramSize: number, tokens: Iterable<number>, written: Iterable<number> = []) {
    this.#ngramSize = ngramSize;
    this.#tokens = [...tokens];
    this.#seen = new Set(this.#tokens);
    this.#written = [...written].slice(-countedTokens);
    for (const id of this.#written) this.#count(id, 1);
  }

  /** Every token that occurs. */
  get seen(): ReadonlySet<number> {
    return this.#seen;
  }

  /** How often the run wrote each token, of the newest `countedTokens`. */
  get counts(): ReadonlyMap<number, number> {
    return this.#counts;
  }

  /** Takes in a token that the run has drawn. */
  add(id: number): void {
    this.#tokens.push(id);
    this.#seen.add(id);
    this.#written.push(id);
    this.#count(id, 1);
    if (this.#written.length <= countedTokens) return;
    const oldest = this.#written.shift();
    if (oldest !== undefined) this.#count(oldest, -1);
  }

  /** A history that goes on by itself from here. */
  copy(): TokenHistory {
    return new TokenHistory(this.#ngramSize, this.#tokens, this.#written);
  }

  /** The tokens that would complete an n-gram that is already there. */
  repeatingNext(): number[] {
    const before = this.#ngramSize - 1;
    if (before < 0) return [];
    const repeating: number[] = [];
    for (let end = before; end < this.#tokens.length; end++) {
      const next = this.#tokens[end];
      if (next !== undefined && this.#repeatsBefore(end, before)) repeating.push(next);
    }
    return repeating;
  }

  /** Whether the tokens end with these. */
  endsWith(ids: readonly number[], count = ids.length): boolean {
    const start = this.#tokens.length - count;
    if (start < 0) return false;
    for (let place = count - 1; place >= 0; place--) {
      if (this.#tokens[start + place] !== ids[place]) return false;
    }
    return true;
  }

  /** Whether the `count` tokens before place `end` are the last ones again. */
  #repeatsBefore(end: number, count: number): boolean {
    const last = this.#tokens.length;
    for (let back = 1; back <= count; back++) {
      if (this.#tokens[end - back] !== this.#tokens[last - back]) return false;
    }
    return true;
  }

  #count(id: number, change: number): void {
    const count = (this.#counts.get(id) ?? 0) + change;
    if (count === 0) this.#counts.delete(id);
    else this.#counts.set(id, count);
  }
}
