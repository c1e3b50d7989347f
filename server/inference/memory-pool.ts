import type { LanguageModel } from "./language-model.ts";
import { commonPrefix, type SequenceMemory } from "./sequence-memory.ts";

/** What finds memory: tokens that are wanted, for which sequence, and who will hold it. */
export interface MemoryQuery {
  tokens: readonly number[];
  sequence: number;
  holder: object;
  /** Of how many leading tokens the keys and values may be taken over. */
  mostKept: number;
}

/** A memory that begins as wanted. */
export interface MemoryMatch {
  memory: SequenceMemory;
  /** How many leading tokens it has of those that are wanted. */
  kept: number;
}

export interface MemoryPoolOptions {
  model: Pick<LanguageModel, "createCache">;
  /** Keys and values never take more. */
  budgetBytes: number;
  /** How many idle memories are kept at most. */
  idleLimit: number;
}

interface Holding {
  reservedBytes: number;
  memories: Set<SequenceMemory>;
}

/**
 * All keys and values of an engine, within a budget. Who is at work holds a reservation of what it
 * may come to need, so that memory never runs out under it; the rest is a cache of what was computed
 * before, from which the least recently used goes first.
 */
export class MemoryPool {
  readonly #options: MemoryPoolOptions;
  readonly #holdings = new Map<object, Holding>();
  /** Least recently used first. */
  readonly #idle = new Set<SequenceMemory>();
  readonly #discarded = new Set<SequenceMemory>();

  constructor(options: MemoryPoolOptions) {
    this.#options = options;
  }

  get budgetBytes(): number {
    return this.#options.budgetBytes;
  }

  /** What is held, reserved or kept now. */
  get bytes(): number {
    return this.#heldBytes() + sum([...this.#idle, ...this.#discarded]);
  }

  /** Whether what others hold leaves so much for a holder in all. */
  hasRoomFor(holder: object, bytes: number): boolean {
    return this.#othersBytes(this.#holdings.get(holder)) + bytes <= this.budgetBytes;
  }

  /**
   * Reserves `bytes` in all for a holder, instead of what it had. False, with nothing changed, where
   * the others hold too much. Idle memories make room, `wanted` last of all; it is handed to the
   * holder where there is no room for both and it is no larger than `most`. Never during a run of
   * the model.
   */
  reserve(holder: object, bytes: number, wanted?: SequenceMemory, most = bytes): boolean {
    if (!this.hasRoomFor(holder, bytes)) return false;
    const own = this.#holdings.get(holder);
    const others = this.#othersBytes(own);
    const holding = own ?? { reservedBytes: bytes, memories: new Set() };
    holding.reservedBytes = bytes;
    this.#holdings.set(holder, holding);
    const together = others + bytes + (wanted?.cache.bytes ?? 0);
    if (wanted !== undefined && this.#idle.has(wanted) && together > this.budgetBytes) {
      if (wanted.cache.bytes <= most) this.give(holder, wanted);
    }
    this.#makeRoom(wanted);
    return true;
  }

  /** A new, empty memory for a holder, within its reservation. */
  create(holder: object, sequence: number): SequenceMemory {
    const memory = { cache: this.#options.model.createCache(), computed: [], sequence };
    this.#holdingOf(holder).memories.add(memory);
    return memory;
  }

  /** Hands an idle memory to a holder. */
  give(holder: object, memory: SequenceMemory): void {
    if (this.#idle.delete(memory)) this.#holdingOf(holder).memories.add(memory);
  }

  holds(holder: object, memory: SequenceMemory): boolean {
    return this.#holdings.get(holder)?.memories.has(memory) ?? false;
  }

  isIdle(memory: SequenceMemory): boolean {
    return this.#idle.has(memory);
  }

  /** Ends a holder's reservation; its memories are kept while there is room. */
  release(holder: object): void {
    for (const memory of this.#holdings.get(holder)?.memories ?? []) this.#idle.add(memory);
    this.#holdings.delete(holder);
  }

  /** Reserves less for a holder from now on. */
  lower(holder: object, bytes: number): void {
    this.#holdingOf(holder).reservedBytes = bytes;
  }

  /** Gives up one of a holder's memories; freed by the next `sweep`, or by several. */
  discard(holder: object, memory: SequenceMemory): void {
    if (this.#holdings.get(holder)?.memories.delete(memory)) this.#discarded.add(memory);
  }

  /** Frees all of a holder's memories but one. Never during a run of the model. */
  keepOnly(holder: object, kept: SequenceMemory): void {
    const { memories } = this.#holdingOf(holder);
    for (const memory of memories) {
      if (memory === kept) continue;
      memories.delete(memory);
      memory.cache.release();
    }
  }

  /** What was computed of a closed sequence is nobody's own any more. */
  forget(sequence: number): void {
    for (const memory of this.#all()) if (memory.sequence === sequence) memory.sequence = undefined;
  }

  /**
   * The memory with the most of the wanted tokens at its start, in use or idle; of several the
   * sequence's own, then one that has little else, then one that is idle.
   */
  search(query: MemoryQuery): MemoryMatch | undefined {
    const { tokens, sequence, mostKept } = query;
    let best: MemoryMatch | undefined;
    for (const memory of this.#all()) {
      const match = { memory, kept: commonPrefix(memory.computed, tokens, mostKept) };
      if (match.kept === 0 && memory.sequence !== sequence) continue;
      if (best === undefined || this.#isBetter(match, best, query)) best = match;
    }
    return best;
  }

  /**
   * Frees what was discarded, a layer of it where someone works on and there is room, and what is idle
   * beyond the limit. Never during a run of the model.
   */
  sweep(): void {
    this.#freeDiscarded();
    for (const memory of this.#idle) {
      const isEmpty = memory.computed.length === 0;
      if (isEmpty || this.#idle.size > this.#options.idleLimit) this.#evict(memory);
    }
  }

  /** Frees everything. Never during a run of the model. */
  close(): void {
    for (const { cache } of this.#all()) cache.release();
    this.#idle.clear();
    this.#holdings.clear();
    this.sweep();
  }

  #isBetter(match: MemoryMatch, best: MemoryMatch, { sequence, holder }: MemoryQuery): boolean {
    if (match.kept !== best.kept) return match.kept > best.kept;
    const rank = ({ memory }: MemoryMatch) =>
      (this.holds(holder, memory) ? 4 : 0) +
      (memory.sequence === sequence ? 2 : 0) +
      (this.#idle.has(memory) ? 1 : 0);
    if (rank(match) !== rank(best)) return rank(match) > rank(best);
    return match.memory.computed.length < best.memory.computed.length;
  }

  #makeRoom(spared: SequenceMemory | undefined): void {
    this.sweep();
    for (const memory of this.#idle) {
      if (this.bytes <= this.budgetBytes) return;
      if (memory !== spared) this.#evict(memory);
    }
    if (this.bytes > this.budgetBytes && spared !== undefined) this.#evict(spared);
  }

  /** Giving a whole context's memory back takes longer than a token, for which everyone would wait. */
  #freeDiscarded(): void {
    const isAlone = this.#discarded.size === 1 && this.#holdings.size > 0;
    const byLayers = isAlone && this.bytes <= this.budgetBytes;
    for (const memory of this.#discarded) {
      if (byLayers && !memory.cache.releaseLayer()) continue;
      memory.cache.release();
      this.#discarded.delete(memory);
    }
  }

  #evict(memory: SequenceMemory): void {
    if (this.#idle.delete(memory)) memory.cache.release();
  }

  #holdingOf(holder: object): Holding {
    const holding = this.#holdings.get(holder);
    if (holding === undefined) throw new Error("Memory is held by those who reserved it.");
    return holding;
  }

  #othersBytes(own: Holding | undefined): number {
    return this.#heldBytes() - (own === undefined ? 0 : held(own));
  }

  #heldBytes(): number {
    let bytes = 0;
    for (const holding of this.#holdings.values()) bytes += held(holding);
    return bytes;
  }

  #all(): SequenceMemory[] {
    return [...this.#idle, ...[...this.#holdings.values()].flatMap((h) => [...h.memories])];
  }
}

/** What was adopted may have more room than was asked for. */
function held({ reservedBytes, memories }: Holding): number {
  return Math.max(reservedBytes, sum(memories));
}

function sum(memories: Iterable<SequenceMemory>): number {
  let bytes = 0;
  for (const { cache } of memories) bytes += cache.bytes;
  return bytes;
}
