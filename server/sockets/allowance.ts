/** What may be spent at once, and how fast it comes back. */
export interface AllowanceLimits {
  most: number;
  perSecond: number;
}

/** What one connection may spend. It answers at once, as what it counts is in the line of every frame. */
export class Allowance {
  readonly #limits: AllowanceLimits;
  readonly #now: () => number;
  #left: number;
  #countedAt: number;

  /** `now` in milliseconds that only ever grow. */
  constructor(limits: AllowanceLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#left = limits.most;
    this.#countedAt = now();
  }

  /** Spends what has come already, on credit if need be; milliseconds until the debt is paid. */
  spend(amount: number): number {
    this.#fill();
    this.#left -= amount;
    return this.#left >= 0 ? 0 : (-this.#left / this.#limits.perSecond) * 1000;
  }

  /** Spends it if there is enough: 0; else milliseconds until there will be. */
  trySpend(amount: number): number {
    const waitMs = this.spend(amount);
    if (waitMs > 0) this.giveBack(amount);
    return waitMs;
  }

  giveBack(amount: number): void {
    this.#left = Math.min(this.#limits.most, this.#left + amount);
  }

  #fill(): void {
    const now = this.#now();
    this.giveBack(((now - this.#countedAt) / 1000) * this.#limits.perSecond);
    this.#countedAt = now;
  }
}
