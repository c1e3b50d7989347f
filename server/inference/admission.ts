import { shortRow } from "./batch-plan.ts";
import type { LanguageModel } from "./language-model.ts";
import type { MemoryMatch, MemoryPool } from "./memory-pool.ts";
import type { Places } from "./places.ts";
import { commonPrefix, type SequenceMemory } from "./sequence-memory.ts";
import type { Task } from "./task.ts";
import { keptHalf } from "./window-slide.ts";

export interface AdmissionOptions {
  model: Pick<LanguageModel, "bytesFor">;
  contextTokens: number;
  places: Places;
  pool: MemoryPool;
  /** Who has no room yet holds up those behind for so long, then lets them by for as long. */
  holdUpMs: number;
  /** Ends a task that could not be given memory. */
  fail: (task: Task, error: unknown) => void;
}

/** Waiting for another to compute so much of the same prompt is worth it; less is computed at once. */
const fewestAwaited = 16;
/** Of long copies a step makes one, so that those who stream do not wait for several. */
const longCopy = 64;

/** Hands out places and memory, and lets prompts that begin alike be computed once. */
export class Admission {
  readonly #options: AdmissionOptions;
  /** Since when somebody in line has had no room. */
  #heldUpSinceMs: number | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Why a task can never be let in, in a sentence; undefined when it can. */
  refusal(task: Task): string | undefined {
    const { budgetBytes } = this.#options.pool;
    const needed = this.#bytesFor(task);
    if (needed <= budgetBytes) return undefined;
    return `This needs ${inMegabytes(needed)} MB for the model's keys and values, and there are ${inMegabytes(budgetBytes)} MB in all (ENGINE_MEMORY_MB). Ask for fewer tokens or beams.`;
  }

  /**
   * Seats those who wait, in order. Who does not fit holds up those behind, so that what becomes free
   * gathers for it; but not for ever, because who is at work may never end. Never during a step.
   */
  admit(): void {
    let fits = true;
    for (const task of this.#options.places.waiting) {
      if (this.#letIn(task)) continue;
      fits = false;
      if (this.#isHeldUp()) return;
    }
    if (fits) this.#heldUpSinceMs = undefined;
  }

  #letIn(task: Task): boolean {
    const { places, pool, model } = this.#options;
    const bytes = this.#bytesFor(task);
    if (!places.hasRoomFor(task) || !pool.hasRoomFor(task, bytes)) return false;
    const most = model.bytesFor(task.mostTokens);
    pool.reserve(task, bytes, this.#search(task)?.memory, most);
    places.seat(task);
    return true;
  }

  #isHeldUp(): boolean {
    const { holdUpMs } = this.#options;
    const now = performance.now();
    this.#heldUpSinceMs ??= now;
    return (now - this.#heldUpSinceMs) % (2 * holdUpMs) < holdUpMs;
  }

  /** Gives those with a place a memory to start from, unless another is computing it for them. */
  sit(): void {
    const { places } = this.#options;
    for (const task of places.seated) {
      if (task.seated) continue;
      const match = this.#search(task);
      if (this.#isBeingComputed(task, match?.kept ?? 0)) continue;
      if (this.#tryToSit(task, match) >= longCopy) return;
    }
  }

  /** Another memory for a task, for the window that it will have; undefined where there is no room. */
  provideRebuild(task: Task, tokens: readonly number[]): SequenceMemory | undefined {
    const { pool, model, contextTokens } = this.#options;
    const half = model.bytesFor(keptHalf(contextTokens));
    const { sequence } = task;
    const found = pool.search({ tokens, sequence, holder: task, mostKept: tokens.length });
    const fits = found && pool.isIdle(found.memory) && found.memory.cache.bytes <= half;
    const match = fits && this.#mayAdopt(task, found) ? found : undefined;
    if (!pool.reserve(task, this.#bytesFor(task) + half, match?.memory)) return undefined;
    const isThere = match && (pool.isIdle(match.memory) || pool.holds(task, match.memory));
    return isThere ? this.#adopt(task, match) : pool.create(task, sequence);
  }

  /** The system may refuse memory that the budget allows: that ends one task, and not all of them. */
  #tryToSit(task: Task, match: MemoryMatch | undefined): number {
    try {
      return this.#sit(task, match);
    } catch (error) {
      this.#options.fail(task, error);
      return 0;
    }
  }

  /** Returns how many tokens were copied. */
  #sit(task: Task, match: MemoryMatch | undefined): number {
    const { pool } = this.#options;
    const adopts = match !== undefined && this.#mayAdopt(task, match);
    const memory = adopts ? this.#adopt(task, match) : pool.create(task, task.sequence);
    // It may have been handed another one since which something better has come up.
    pool.keepOnly(task, memory);
    const copied = adopts || match === undefined ? 0 : copy(match, memory);
    task.sit({
      memory,
      createMemory: () => pool.create(task, task.sequence),
      discardMemory: (old) => {
        pool.discard(task, old);
        pool.lower(task, this.#bytesFor(task));
      },
    });
    return copied;
  }

  /** Closed sequences' memories are taken over where little else would be lost; open ones' are left. */
  #mayAdopt(task: Task, { memory, kept }: MemoryMatch): boolean {
    const { pool, model } = this.#options;
    if (pool.holds(task, memory)) return true;
    if (!pool.isIdle(memory)) return false;
    if (task.places > 1 && memory.cache.bytes > model.bytesFor(task.mostTokens)) return false;
    if (memory.sequence === task.sequence) return true;
    const lost = memory.computed.length - kept;
    return lost <= (memory.sequence === undefined ? kept : 0);
  }

  #adopt(task: Task, { memory, kept }: MemoryMatch): SequenceMemory {
    this.#options.pool.give(task, memory);
    memory.sequence = task.sequence;
    memory.computed.length = kept;
    return memory;
  }

  /** Whether someone who is at it will soon have clearly more of the prompt than is there now. */
  #isBeingComputed(task: Task, kept: number): boolean {
    const { prompt, mostKept } = task;
    return this.#options.places.seated.some((other) => {
      if (!other.ready || other.pendingTokens <= shortRow) return false;
      const shared = commonPrefix(other.prompt, prompt, mostKept);
      return shared - kept >= fewestAwaited;
    });
  }

  #search(task: Task): MemoryMatch | undefined {
    const { prompt: tokens, sequence, mostKept } = task;
    return this.#options.pool.search({
      tokens,
      sequence,
      holder: task,
      mostKept,
    });
  }

  #bytesFor({ places, mostTokens }: Task): number {
    return places * this.#options.model.bytesFor(mostTokens);
  }
}

function copy({ memory: source, kept }: MemoryMatch, target: SequenceMemory): number {
  target.cache.copyFrom(source.cache, 0, kept);
  target.computed.push(...source.computed.slice(0, kept));
  return kept;
}

function inMegabytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
