import type { Clock } from "../../server/jobs/clock.ts";

interface Timer {
  at: number;
  callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on, calling what is due in its order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = end;
  }

  /** Moves on in small steps, letting everything else run between, until `reached` is true. */
  async until(reached: () => boolean, stepMs = 20, patienceMs = 15_000): Promise<void> {
    const end = performance.now() + patienceMs;
    while (!reached()) {
      if (performance.now() > end) throw new Error("The clock moved on, and it did not happen.");
      this.advance(stepMs);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
