import type { FinishReason } from "#shared/run.ts";

/** Why a stream stands still. */
export type StreamEnd =
  | { kind: "finished"; finishReason: FinishReason }
  /** A command wants the run to stand still. */
  | { kind: "asked" }
  /** What its starter may have written today is written. */
  | { kind: "quota" }
  /** What it writes repeats itself. */
  | { kind: "loop" }
  | { kind: "engine_lost"; error: unknown }
  | { kind: "room_lost"; error: unknown };

/** The prompt has changed, people want to write first, or the sampling is another. */
type ReadAgain = { kind: "read_again" };

/** Why the writing from one reading of the prompt is over. */
export type PassEnd = StreamEnd | ReadAgain;

/** What ends the writing from outside. */
type Interruption = Extract<
  PassEnd,
  { kind: "read_again" | "asked" | "loop" | "quota" | "room_lost" }
>;

/** What another interruption may not replace. */
const precedence = { read_again: 0, loop: 1, quota: 2, room_lost: 3, asked: 4 } as const;

/** What stands in the way of a run's writing: of several the weightiest. */
export class Interruptions {
  #current: Interruption | undefined;
  #reading = new AbortController();
  #standing = new AbortController();

  get current(): Interruption | undefined {
    return this.#current;
  }

  /** The current one, where it is more than a reason to read again. */
  get standstill(): Exclude<Interruption, ReadAgain> | undefined {
    return this.#current?.kind === "read_again" ? undefined : this.#current;
  }

  /** Aborted when what is written from this reading of the prompt is no longer wanted. */
  get untilReadAgain(): AbortSignal {
    return this.#reading.signal;
  }

  /** Aborted when the run is to stand still. */
  get untilStandstill(): AbortSignal {
    return this.#standing.signal;
  }

  add(interruption: Interruption): void {
    const current = this.#current;
    if (current && precedence[current.kind] >= precedence[interruption.kind]) return;
    this.#current = interruption;
    this.#reading.abort();
    if (interruption.kind !== "read_again") this.#standing.abort();
  }

  /** The prompt is about to be read, which is all that `read_again` wanted; all else stays. */
  beginReading(): void {
    if (this.standstill) return;
    this.#current = undefined;
    this.#reading = new AbortController();
  }

  /** What happened while the run stood still is over. */
  reset(): void {
    this.#current = undefined;
    this.beginReading();
    this.#standing = new AbortController();
  }
}
