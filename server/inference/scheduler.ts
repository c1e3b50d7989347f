import type { GeneratedToken, PrefillReport } from "./engine.ts";
import { GenerationTask } from "./generation-task.ts";
import type { LanguageModel, Row } from "./language-model.ts";
import type { ModelCard } from "./model-card.ts";
import { Places } from "./places.ts";
import { initialCredit, type WorkerRequest } from "./protocol.ts";
import type { SequenceMemory } from "./sequence-memory.ts";

/** What a scheduler tells; the last word on a generation is `ended` or `failed`. */
export interface SchedulerEvents {
  prefilled(generation: number, report: PrefillReport): void;
  token(generation: number, token: GeneratedToken): void;
  ended(generation: number): void;
  failed(generation: number, message: string): void;
  queue(generations: number[]): void;
}

export interface SchedulerOptions {
  model: LanguageModel;
  card: ModelCard;
  /** How many generations go on side by side. */
  places: number;
  events: SchedulerEvents;
  /** Resolves when messages that arrived meanwhile have been heard. */
  listen: () => Promise<void>;
}

/** Prompt tokens of one step: a row alone may take more than one that others wait beside. */
const chunkAlone = 64;
const chunkBesideOthers = 32;
/** Sequences whose memory is kept, for each place; a paused run resumes without computing anew. */
const idleMemoriesPerPlace = 2;

interface Share {
  task: GenerationTask;
  memory: SequenceMemory;
  row: Row;
}

/**
 * Lets many generations share one model: in each step all that can go on are computed together, one
 * token each, and long prompts in chunks, so that nobody waits longer than a chunk for anybody.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #places: Places;
  readonly #memories = new Map<number, SequenceMemory>();
  readonly #forgotten = new Set<number>();
  #toldQueue: readonly number[] = [];
  #work: Promise<void> | undefined;
  #closed = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#places = new Places(options.places);
  }

  /** Starts a generation; one that its sequence still has ends. */
  generate(id: number, sequence: number, request: WorkerRequest): void {
    const before = this.#places.ofSequence(sequence);
    if (before !== undefined) this.#finish(before);
    const task = new GenerationTask(
      { id, sequence, credit: initialCredit },
      request,
      this.#options.card,
    );
    this.#places.join(task);
    this.#seat();
  }

  credit(id: number, count: number): void {
    const task = this.#places.find(id);
    if (task === undefined) return;
    task.credit += count;
    this.#wake();
  }

  /** Ends a generation; what is computed of its sequence stays. */
  cancel(id: number): void {
    const task = this.#places.find(id);
    if (task !== undefined) this.#finish(task);
  }

  /** Ends what the sequence generates and frees its memory. */
  forget(sequence: number): void {
    const task = this.#places.ofSequence(sequence);
    if (task !== undefined) this.#finish(task);
    this.#forgotten.add(sequence);
    this.#wake();
  }

  /** Ends every generation after the step that is being computed, and frees all memory. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    for (const task of [...this.#places.seated, ...this.#places.waiting]) this.#finish(task);
    for (const { cache } of this.#memories.values()) cache.release();
    this.#memories.clear();
  }

  #seat(): void {
    for (let task = this.#places.admit(); task !== undefined; task = this.#places.admit()) {
      if (task.finished) this.#finish(task);
    }
    this.#tellQueue();
    this.#wake();
  }

  #tellQueue(): void {
    const queue = this.#places.waiting.map(({ id }) => id);
    if (queue.join() === this.#toldQueue.join()) return;
    this.#toldQueue = queue;
    this.#options.events.queue(queue);
  }

  /** Starts the loop once the caller is done; while it runs it sees all changes itself. */
  #wake(): void {
    this.#work ??= Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#freeMemories();
      const shares = this.#closed ? [] : this.#nextShares();
      if (shares.length === 0) break;
      await this.#step(shares);
      await this.#options.listen();
    }
    this.#work = undefined;
  }

  /** A generation's memory is fitted to its prompt here, when no step is writing into it. */
  #nextShares(): Share[] {
    const ready = this.#places.seated.filter((task) => task.credit > 0);
    const chunk = ready.length > 1 ? chunkBesideOthers : chunkAlone;
    return ready.slice(0, this.#options.model.maxRows).map((task) => {
      const memory = this.#memoryOf(task.sequence);
      task.begin(memory);
      const tokens = task.nextChunk(memory, chunk);
      const past = memory.computed.length;
      const outputs = tokens.length === task.pendingTokens(memory) ? 1 : 0;
      return { task, memory, row: { cache: memory.cache, past, tokens, outputs } };
    });
  }

  async #step(shares: readonly Share[]): Promise<void> {
    try {
      const logits = await this.#options.model.run(shares.map(({ row }) => row));
      shares.forEach((share, i) => this.#settle(share, logits[i]?.[0]));
    } catch (error) {
      for (const { task, memory } of shares) {
        memory.computed.length = 0;
        this.#fail(task, error);
      }
    }
  }

  /** Takes in what a step computed; a generation that ended meanwhile keeps its keys and values. */
  #settle({ task, memory, row }: Share, logits: Float32Array | undefined): void {
    memory.computed.push(...row.tokens);
    if (this.#places.find(task.id) !== task) return;
    this.#places.served(task);
    if (logits === undefined) return;
    try {
      const { prefill, token } = task.draw(logits, memory);
      if (prefill !== undefined) this.#options.events.prefilled(task.id, prefill);
      this.#options.events.token(task.id, token);
      if (task.finished) this.#finish(task);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  #finish(task: GenerationTask): void {
    this.#places.leave(task);
    this.#options.events.ended(task.id);
    if (!this.#closed) this.#seat();
  }

  #fail(task: GenerationTask, error: unknown): void {
    this.#places.leave(task);
    this.#options.events.failed(task.id, error instanceof Error ? error.message : String(error));
    this.#seat();
  }

  #memoryOf(sequence: number): SequenceMemory {
    const known = this.#memories.get(sequence);
    const memory = known ?? { cache: this.#options.model.createCache(), computed: [] };
    this.#memories.delete(sequence);
    this.#memories.set(sequence, memory);
    return memory;
  }

  /**
   * Only between steps, because native code writes into these arrays. Besides forgotten sequences,
   * those that have been idle longest give their memory back when there are many.
   */
  #freeMemories(): void {
    const idle = [...this.#memories.keys()].filter((id) => !this.#places.ofSequence(id));
    const excess = Math.max(0, this.#memories.size - idleMemoriesPerPlace * this.#options.places);
    for (const sequence of [...this.#forgotten, ...idle.slice(0, excess)]) {
      this.#memories.get(sequence)?.cache.release();
      this.#memories.delete(sequence);
    }
    this.#forgotten.clear();
  }
}
