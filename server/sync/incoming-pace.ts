import { Allowance, type AllowanceLimits } from "../sockets/allowance.ts";

/** What one connection may send. */
export interface IncomingLimits {
  frames: AllowanceLimits;
  bytes: AllowanceLimits;
  /** One that sends more all the while is closed after so long. */
  patienceMs: number;
}

const megabyte = 1024 * 1024;

/**
 * Far above what people send: a held key makes 30 frames a second, a paste of megabytes a few dozen,
 * and an offline copy comes in one frame of at most 4 MB.
 */
export const incomingLimits: IncomingLimits = {
  frames: { most: 10_000, perSecond: 1_000 },
  bytes: { most: 64 * megabyte, perSecond: 4 * megabyte },
  patienceMs: 60_000,
};

/** A line that can be read more slowly. */
interface Readable {
  pause(): void;
  resume(): void;
}

/** So long without a pause, and what was too much before is forgotten. */
const forgetMs = 5_000;

/** Reads a connection that sends too much more slowly, and gives one up that goes on with it. */
export class IncomingPace {
  readonly #line: Readable;
  readonly #limits: IncomingLimits;
  readonly #onTooMuch: () => void;
  readonly #frames: Allowance;
  readonly #bytes: Allowance;
  #pause: NodeJS.Timeout | undefined;
  /** When it first was too much, and when it last was. */
  #excess: { since: number; until: number } | undefined;

  constructor(line: Readable, limits: IncomingLimits, onTooMuch: () => void) {
    this.#line = line;
    this.#limits = limits;
    this.#onTooMuch = onTooMuch;
    this.#frames = new Allowance(limits.frames);
    this.#bytes = new Allowance(limits.bytes);
  }

  /** Counts a frame that has come. */
  received(bytes: number): void {
    const waitMs = Math.max(this.#frames.spend(1), this.#bytes.spend(bytes));
    if (waitMs > 0) this.#slowDown(waitMs);
  }

  /** y-websocket sends back what it hears about others: that is not held against it. */
  sent(bytes: number): void {
    this.#frames.giveBack(1);
    this.#bytes.giveBack(bytes);
  }

  /** Reads on, so that the close can be heard. */
  stop(): void {
    if (this.#pause === undefined) return;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#line.resume();
  }

  #slowDown(waitMs: number): void {
    const now = performance.now();
    const before = this.#excess;
    const goesOn = before !== undefined && now - before.until < forgetMs;
    this.#excess = { since: goesOn ? before.since : now, until: now + waitMs };
    if (now - this.#excess.since > this.#limits.patienceMs) return this.#onTooMuch();
    if (this.#pause !== undefined) return;
    this.#line.pause();
    this.#pause = setTimeout(() => this.stop(), waitMs);
  }
}
