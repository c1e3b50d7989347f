import type { GenerationTask } from "./generation-task.ts";

/** Who generates and who waits: a fixed number of places, handed out in order of arrival. */
export class Places {
  readonly #limit: number;
  readonly #seated = new Map<number, GenerationTask>();
  #waiting: GenerationTask[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Generations with a place, the one that was served longest ago first. */
  get seated(): readonly GenerationTask[] {
    return [...this.#seated.values()];
  }

  get waiting(): readonly GenerationTask[] {
    return this.#waiting;
  }

  find(id: number): GenerationTask | undefined {
    return this.#seated.get(id) ?? this.#waiting.find((task) => task.id === id);
  }

  ofSequence(sequence: number): GenerationTask | undefined {
    return [...this.seated, ...this.#waiting].find((task) => task.sequence === sequence);
  }

  join(task: GenerationTask): void {
    this.#waiting.push(task);
  }

  /** Seats the next in line where a place is free. */
  admit(): GenerationTask | undefined {
    if (this.#seated.size >= this.#limit) return undefined;
    const task = this.#waiting.shift();
    if (task !== undefined) this.#seated.set(task.id, task);
    return task;
  }

  /** Puts a served generation behind the others. */
  served(task: GenerationTask): void {
    if (this.#seated.delete(task.id)) this.#seated.set(task.id, task);
  }

  leave(task: GenerationTask): void {
    this.#seated.delete(task.id);
    this.#waiting = this.#waiting.filter((other) => other !== task);
  }
}
