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

interface IncomingPaceOptions {
  line: Readable;
  limits: IncomingLimits;
  handle: (frame: Uint8Array) => void;
  /** The connection is to be given up. */
  onTooMuch: () => void;
}

/** Takes the frames of a connection that sends too much more slowly, and gives up one that goes on. */
export class IncomingPace {
  readonly #options: IncomingPaceOptions;
  readonly #frames: Allowance;
  readonly #bytes: Allowance;
  /** What had been read of the line when it was paused. */
  #waiting: Uint8Array[] = [];
  #pause: NodeJS.Timeout | undefined;
  /** When it first was too much, and when it last was. */
  #excess: { since: number; until: number } | undefined;

  constructor(options: IncomingPaceOptions) {
    this.#options = options;
    this.#frames = new Allowance(options.limits.frames);
    this.#bytes = new Allowance(options.limits.bytes);
  }

  /** Hands a frame that has come on, now or when its turn has come. */
  offer(frame: Uint8Array): void {
    if (this.#pause === undefined) this.#take(frame);
    else this.#waiting.push(frame);
  }

  /** y-websocket sends back what it hears about others: that is not held against it. */
  expectEcho(bytes: number): void {
    this.#frames.giveBack(1);
    this.#bytes.giveBack(bytes);
  }

  /** Hands on at once what waits: nothing more will come. */
  finish(): void {
    for (const frame of this.#waiting.splice(0)) this.#options.handle(frame);
  }

  /** Forgets what waits, and reads on, so that the close can be heard. */
  stop(): void {
    this.#waiting = [];
    if (this.#pause === undefined) return;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#options.line.resume();
  }

  #take(frame: Uint8Array): void {
    const waitMs = Math.max(this.#frames.spend(1), this.#bytes.spend(frame.length));
    if (waitMs > 0) this.#slowDown(waitMs);
    this.#options.handle(frame);
  }

  #goOn(): void {
    this.#pause = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    let next = 0;
    for (; next < waiting.length && this.#pause === undefined; next++) {
      const frame = waiting[next];
      if (frame !== undefined) this.#take(frame);
    }
    if (this.#pause === undefined) this.#options.line.resume();
    else this.#waiting = waiting.slice(next);
  }

  #slowDown(waitMs: number): void {
    const { line, limits, onTooMuch } = this.#options;
    const now = performance.now();
    const before = this.#excess;
    const goesOn = before !== undefined && now - before.until < forgetMs;
    this.#excess = { since: goesOn ? before.since : now, until: now + waitMs };
    if (now - this.#excess.since > limits.patienceMs) return onTooMuch();
    line.pause();
    this.#pause = setTimeout(() => this.#goOn(), waitMs);
  }
}
