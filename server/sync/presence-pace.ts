import type { AwarenessEntry } from "./frames.ts";

const intervalMs = 50;

/** Ids under which one connection may show itself: a tab has one, and rarely draws another. */
const maxIds = 8;

/** Thins out what a connection shows of itself: the first at once, then the latest of each interval. */
export class PresencePace {
  readonly #publish: (entry: AwarenessEntry) => boolean;
  readonly #ids = new Set<number>();
  readonly #waiting = new Map<number, AwarenessEntry>();
  #timer: NodeJS.Timeout | undefined;

  /** `publish` says whether it has published. */
  constructor(publish: (entry: AwarenessEntry) => boolean) {
    this.#publish = publish;
  }

  /** Takes an entry under an id of the connection's account. */
  offer(entry: AwarenessEntry): void {
    const { clientId } = entry;
    if (!this.#ids.has(clientId) && this.#ids.size >= maxIds) return;
    this.#ids.add(clientId);
    // The last to come is published last: it is what is shown then.
    this.#waiting.delete(clientId);
    this.#waiting.set(clientId, entry);
    if (this.#timer === undefined) this.#goOn();
  }

  /** Forgets what waits. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #goOn(): void {
    this.#timer = undefined;
    const entries = [...this.#waiting.values()];
    this.#waiting.clear();
    const published = entries.map((entry) => this.#publish(entry));
    if (published.includes(true)) this.#timer = setTimeout(() => this.#goOn(), intervalMs);
  }
}
