const windowMs = 5_000;
const sampleMs = 250;

/** How fast bytes come: the mean of the last five seconds. */
export class Pace {
  readonly #now: () => number;
  #samples: { at: number; bytes: number }[] = [];

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Bytes that are here by now; undefined: none are coming. */
  note(bytes: number | undefined): void {
    if (bytes === undefined) {
      this.#samples = [];
      return;
    }
    const at = this.#now();
    const last = this.#samples.at(-1);
    // Begun anew: what came before says nothing.
    if (last !== undefined && bytes < last.bytes) this.#samples = [];
    else if (last !== undefined && at - last.at < sampleMs) return;
    this.#samples.push({ at, bytes });
    this.#samples = this.#samples.filter((sample) => at - sample.at <= windowMs);
  }

  /** null: not known yet. */
  bytesPerSecond(): number | null {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at === first.at) return null;
    return ((last.bytes - first.bytes) * 1000) / (Math.max(last.at, this.#now()) - first.at);
  }
}
