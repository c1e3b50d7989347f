import type { AwarenessEntry } from "./frames.ts";

/** A client id that was shown just now: what comes within the interval waits for its end. */
interface Publishing {
  clientId: number;
  next: AwarenessEntry | undefined;
  timer: NodeJS.Timeout;
}

const intervalMs = 50;

/** Thins out what a connection shows of itself: the first at once, then the latest of each interval. */
export class PresencePace {
  readonly #publish: (entry: AwarenessEntry) => boolean;
  #shown: Publishing | undefined;

  /** `publish` says whether it has published. */
  constructor(publish: (entry: AwarenessEntry) => boolean) {
    this.#publish = publish;
  }

  offer(entry: AwarenessEntry): void {
    if (entry.clientId === this.#shown?.clientId) {
      this.#shown.next = entry;
      return;
    }
    if (!this.#publish(entry)) return;
    clearTimeout(this.#shown?.timer);
    const timer = setTimeout(() => this.#goOn(), intervalMs);
    this.#shown = { clientId: entry.clientId, next: undefined, timer };
  }

  /** Forgets what waits. */
  stop(): void {
    clearTimeout(this.#shown?.timer);
    this.#shown = undefined;
  }

  #goOn(): void {
    const next = this.#shown?.next;
    this.#shown = undefined;
    if (next !== undefined) this.offer(next);
  }
}
