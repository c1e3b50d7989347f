import type { Task } from "./task.ts";

/**
 * Who generates, who waits in line, and who rests because its consumer takes nothing: a fixed number
 * of places, handed out in order of arrival.
 */
export class Places {
  readonly #limit: number;
  readonly #seated = new Map<number, Task>();
  readonly #resting = new Map<number, Task>();
  #waiting: Task[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Tasks with a place, the one that was served longest ago first. */
  get seated(): readonly Task[] {
    return [...this.#seated.values()];
  }

  get waiting(): readonly Task[] {
    return this.#waiting;
  }

  get all(): readonly Task[] {
    return [...this.seated, ...this.#waiting, ...this.#resting.values()];
  }

  find(id: number): Task | undefined {
    return this.all.find((task) => task.id === id);
  }

  ofSequence(sequence: number): Task | undefined {
    return this.all.find((task) => task.sequence === sequence);
  }

  /** Puts a task into the line, where its arrival belongs. */
  join(task: Task): void {
    this.#resting.delete(task.id);
    const later = this.#waiting.findIndex(({ id }) => id > task.id);
    this.#waiting.splice(later === -1 ? this.#waiting.length : later, 0, task);
  }

  /** Whether there are places for a task; one that takes more than all has them when it is alone. */
  hasRoomFor(task: Task): boolean {
    const taken = this.seated.reduce((places, other) => places + other.places, 0);
    return taken === 0 || taken + task.places <= this.#limit;
  }

  seat(task: Task): void {
    this.leave(task);
    this.#seated.set(task.id, task);
  }

  /** Takes the place of a task that cannot use it; it joins the line again when it can. */
  rest(task: Task): void {
    this.leave(task);
    this.#resting.set(task.id, task);
  }

  isResting(task: Task): boolean {
    return this.#resting.has(task.id);
  }

  /** Puts a served task behind the others. */
  served(task: Task): void {
    if (this.#seated.delete(task.id)) this.#seated.set(task.id, task);
  }

  leave(task: Task): void {
    this.#seated.delete(task.id);
    this.#resting.delete(task.id);
    this.#waiting = this.#waiting.filter((other) => other !== task);
  }
}
