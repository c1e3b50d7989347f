import { Admission } from "./admission.ts";
import { planStep } from "./batch-plan.ts";
import { BeamTask } from "./beam-task.ts";
import type { GeneratedToken, PrefillReport } from "./engine.ts";
import { GenerationTask } from "./generation-task.ts";
import type { LanguageModel } from "./language-model.ts";
import { MemoryPool } from "./memory-pool.ts";
import type { ModelCard } from "./model-card.ts";
import { NothingAllowedError } from "./nothing-allowed.ts";
import { Places } from "./places.ts";
import { initialCredit, type WorkerRequest } from "./protocol.ts";
import type { Share, Task } from "./task.ts";
import { nextRebuilds } from "./window-slide.ts";

/** What a scheduler tells; the last word on a generation is `ended`, `failed`, `refused` or `barred`. */
export interface SchedulerEvents {
  prefilled(generation: number, report: PrefillReport): void;
  token(generation: number, token: GeneratedToken): void;
  ended(generation: number): void;
  failed(generation: number, message: string): void;
  /** It never had a place; the message is a sentence for people. */
  refused(generation: number, message: string): void;
  /** Every token that could come next is banned. */
  barred(generation: number): void;
  queue(generations: number[]): void;
}

export interface SchedulerOptions {
  model: LanguageModel;
  card: Pick<ModelCard, "contextTokens" | "endOfTextId" | "vocabularySize">;
  /** How many generations go on side by side. */
  places: number;
  /** What keys and values may take. */
  memoryBytes: number;
  events: SchedulerEvents;
  /** Resolves when messages that arrived meanwhile have been heard. */
  listen: () => Promise<void>;
  /** Whose consumer takes nothing for so long gives its place to one who waits. */
  restAfterMs?: number;
  /** Who has no room yet holds up those behind in line for so long, then lets them by for as long. */
  holdUpMs?: number;
}

/** So many may wait in line. */
export const longestLine = 256;
const idleMemories = 64;
const defaultRestAfterMs = 1000;
/** In so long most runs end, and make room. */
const defaultHoldUpMs = 10_000;

/**
 * Lets many generations share one model: in each step all that can go on are computed together, one
 * token each, and long prompts in chunks, so that nobody waits longer than a chunk for anybody.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #places: Places;
  readonly #pool: MemoryPool;
  readonly #admission: Admission;
  readonly #restAfterMs: number;
  readonly #scratch: Float32Array;
  readonly #servedAtMs = new WeakMap<Task, number>();
  #toldQueue: readonly number[] = [];
  #work: Promise<void> | undefined;
  #restTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SchedulerOptions) {
    const { model, card, memoryBytes: budgetBytes } = options;
    this.#options = options;
    this.#scratch = new Float32Array(card.vocabularySize);
    this.#restAfterMs = options.restAfterMs ?? defaultRestAfterMs;
    const places = new Places(options.places);
    const pool = new MemoryPool({ model, budgetBytes, idleLimit: idleMemories });
    this.#places = places;
    this.#pool = pool;
    const { holdUpMs = defaultHoldUpMs } = options;
    const { contextTokens } = card;
    const fail = (task: Task, error: unknown) => this.#fail(task, error);
    this.#admission = new Admission({ model, contextTokens, places, pool, holdUpMs, fail });
  }

  /** Starts a generation; one that its sequence still has ends. */
  generate(id: number, sequence: number, request: WorkerRequest): void {
    const before = this.#places.ofSequence(sequence);
    if (before !== undefined) this.#finish(before);
    const { contextTokens, endOfTextId } = this.#options.card;
    const options = {
      id,
      sequence,
      request,
      credit: initialCredit,
      contextTokens,
      endOfTextId,
      scratch: this.#scratch,
    };
    const isBeams = request.sampling.strategy === "beams";
    const task = isBeams ? new BeamTask(options) : new GenerationTask(options);
    const refusal = this.#refusal(task);
    if (refusal !== undefined) return this.#options.events.refused(id, refusal);
    if (task.finished) return this.#options.events.ended(id);
    this.#places.join(task);
    this.#wake();
  }

  credit(id: number, count: number): void {
    const task = this.#places.find(id);
    if (task === undefined) return;
    task.credit += count;
    if (this.#places.isResting(task)) this.#places.join(task);
    this.#wake();
  }

  /** Ends a generation; what is computed of its sequence stays. */
  cancel(id: number): void {
    const task = this.#places.find(id);
    if (task !== undefined) this.#finish(task);
  }

  /** Ends what the sequence generates; its memory is kept for others until it is wanted. */
  forget(sequence: number): void {
    const task = this.#places.ofSequence(sequence);
    if (task !== undefined) this.#finish(task);
    this.#pool.forget(sequence);
  }

  /** Ends every generation after the step that is being computed, and frees all memory. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restTimer);
    await this.#work;
    for (const task of this.#places.all) this.#finish(task);
    this.#pool.close();
  }

  #refusal(task: Task): string | undefined {
    if (this.#places.waiting.length >= longestLine)
      return "Too many texts wait for the model already. Try again in a while.";
    return this.#admission.refusal(task);
  }

  /** Starts the loop once the caller is done; while it runs it sees all changes itself. */
  #wake(): void {
    this.#work ??= Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    for (;;) {
      const shares = this.#closed ? [] : this.#nextShares();
      if (shares.length === 0) break;
      await this.#step(shares);
      await this.#options.listen();
    }
    this.#work = undefined;
    if (!this.#closed && this.#places.waiting.length > 0) this.#lookAgain();
  }

  /** Places, memory and rows of the next step; here no step is writing into any memory. */
  #nextShares(): Share[] {
    this.#pool.sweep();
    this.#admission.admit();
    this.#makePlaces();
    this.#admission.sit();
    this.#tellQueue();
    const ready = this.#places.seated.filter((task) => task.ready);
    const { maxRows } = this.#options.model;
    const rebuilds = nextRebuilds(ready, maxRows, (task, slide) =>
      this.#admission.provideRebuild(task, slide.tokens),
    );
    const live = this.#places.all.length;
    const fail = (task: Task, error: unknown) => this.#fail(task, error);
    const shares = planStep({ ready, live, maxRows, rebuilds, fail });
    // Others may have waited for what those who failed were to compute.
    const hasLost = this.#places.all.length < live;
    return shares.length === 0 && hasLost ? this.#nextShares() : shares;
  }

  /** Where someone waits, those whose consumers take nothing give up their places. */
  #makePlaces(): void {
    const { waiting } = this.#places;
    if (waiting.length === 0) return;
    const before = performance.now() - this.#restAfterMs;
    for (const task of this.#places.seated) {
      const servedAtMs = this.#servedAtMs.get(task) ?? Infinity;
      if (this.#places.waiting.length === 0) return;
      if (task.credit > 0 || servedAtMs > before) continue;
      this.#places.rest(task);
      task.rise();
      this.#pool.release(task);
      this.#admission.admit();
    }
  }

  /** Someone waits and no step will come by itself: a place may become free by lying idle. */
  #lookAgain(): void {
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => this.#wake(), this.#restAfterMs).unref();
  }

  #tellQueue(): void {
    const queue = this.#places.waiting.map(({ id }) => id);
    if (queue.join() === this.#toldQueue.join()) return;
    this.#toldQueue = queue;
    this.#options.events.queue(queue);
  }

  async #step(shares: readonly Share[]): Promise<void> {
    const rows = shares.map(({ memory, tokens, outputs }) => ({
      cache: memory.cache,
      past: memory.computed.length,
      tokens,
      outputs,
    }));
    try {
      const logits = await this.#options.model.run(rows);
      shares.forEach(({ memory, tokens }) => memory.computed.push(...tokens));
      shares.forEach((share, i) => this.#settle(share, logits[i] ?? []));
    } catch (error) {
      for (const { task, memory } of shares) {
        memory.computed.length = 0;
        if (this.#places.find(task.id) === task) this.#fail(task, error);
      }
    }
  }

  /** A generation that ended meanwhile keeps its keys and values. */
  #settle(share: Share, logits: readonly Float32Array[]): void {
    const { task } = share;
    if (this.#places.find(task.id) !== task) return;
    this.#places.served(task);
    this.#servedAtMs.set(task, performance.now());
    try {
      const { prefill, tokens } = task.settle(share, logits);
      if (prefill !== undefined) this.#options.events.prefilled(task.id, prefill);
      for (const token of tokens) this.#options.events.token(task.id, token);
      if (task.finished) this.#finish(task);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  #finish(task: Task): void {
    this.#leave(task);
    this.#options.events.ended(task.id);
  }

  #fail(task: Task, error: unknown): void {
    this.#leave(task);
    if (error instanceof NothingAllowedError) return this.#options.events.barred(task.id);
    this.#options.events.failed(task.id, error instanceof Error ? error.message : String(error));
  }

  #leave(task: Task): void {
    this.#places.leave(task);
    task.rise();
    this.#pool.release(task);
    this.#wake();
  }
}
