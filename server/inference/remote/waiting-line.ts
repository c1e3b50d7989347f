/** A fixed number of places, given in order of arrival. */
export class WaitingLine {
  #free: number;
  #waiting: { take: () => void }[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Joins the line; `ready` resolves with the place, and `leave` gives it back, or leaves the line. */
  join(): LinePlace {
    let seat: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      seat = resolve;
    });
    const waiter = { take: seat };
    let left = false;
    const isWaiting = () => this.#waiting.includes(waiter);
    if (this.#free > 0) {
      this.#free--;
      seat();
    } else {
      this.#waiting.push(waiter);
    }
    return {
      ready,
      position: () => this.#waiting.indexOf(waiter) + 1,
      leave: () => {
        if (left) return;
        left = true;
        if (isWaiting()) this.#waiting = this.#waiting.filter((other) => other !== waiter);
        else this.#next();
      },
    };
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next.take();
  }
}

export interface LinePlace {
  readonly ready: Promise<void>;
  /** 0: it has its place. */
  position(): number;
  leave(): void;
}
