import * as Y from "yjs";
import type { ClientBinding, ClientIds } from "./client-ids.ts";
import { charactersOf, NewItems } from "./new-items.ts";
import { type Placement, placeItems } from "./placement.ts";

/**
 * How far the document goes, client by client, with all that is durable and all that the commit in
 * the making adds to it.
 */
export class Frontier {
  readonly #doc: Y.Doc;
  readonly #ahead = new Map<number, number>();
  /** The items of what is queued. */
  readonly #items = new NewItems();
  readonly #clientIds: ClientIds;
  readonly #binding = new Map<number, string | null>();

  constructor(durable: Y.Doc, clientIds: ClientIds) {
    this.#doc = durable;
    this.#clientIds = clientIds;
  }

  /** What the commit in the making binds. */
  get bindings(): ClientBinding[] {
    return [...this.#binding].map(([clientId, accountId]) => ({ clientId, accountId }));
  }

  /** The next clock that is expected of a client. */
  clock(client: number): number {
    return this.#ahead.get(client) ?? this.durableClock(client);
  }

  durableClock(client: number): number {
    return Y.getState(this.#doc.store, client);
  }

  /** Whether the account may write under the id: as its own, or because it is free and unused. */
  standing(client: number, accountId: string): "own" | "free" | "foreign" {
    const binding = this.#binding.get(client);
    if (binding !== undefined) return binding === accountId ? "own" : "foreign";
    if (!this.#clientIds.mayUse(client, accountId)) return "foreign";
    if (this.#clientIds.isBound(client)) return "own";
    return this.clock(client) === 0 ? "free" : "foreign";
  }

  /** Takes an accepted update into account for those that come after it in the same commit. */
  advance(
    clocks: ReadonlyMap<number, number>,
    bindings: readonly ClientBinding[],
    items: NewItems,
  ): void {
    this.#items.addAll(items);
    for (const [client, clock] of clocks) this.#ahead.set(client, clock);
    for (const { clientId, accountId } of bindings) this.#binding.set(clientId, accountId);
  }

  /** Where new items go, in the order in which Yjs takes them in; walks up to `limit` steps. */
  place(items: readonly Y.Item[], limit: number): Placement {
    const clock = (client: number) => this.clock(client);
    return placeItems(items, { doc: this.#doc, ahead: this.#items, clock, limit });
  }

  /**
   * Whether a cut before this clock would leave halves of a character, which Yjs makes two "\ufffd"
   * of. `placed` are the items of the update itself.
   */
  cutsCharacter(client: number, clock: number, placed: NewItems): boolean {
    if (clock <= 0) return false;
    const { start, characters } = this.#textAround(client, clock, placed);
    const offset = clock - start;
    if (characters === undefined || offset <= 0) return false;
    return isHigh(characters.charCodeAt(offset - 1)) && isLow(characters.charCodeAt(offset));
  }

  #textAround(client: number, clock: number, placed: NewItems) {
    if (clock >= this.durableClock(client)) {
      const item = this.#items.at(client, clock) ?? placed.at(client, clock);
      return { start: item?.clock ?? clock, characters: item?.characters };
    }
    const struct = Y.getItem(this.#doc.store, Y.createID(client, clock));
    // Where it was collected the store has a GC, whatever Yjs's types say.
    const characters = struct instanceof Y.Item ? charactersOf(struct) : undefined;
    return { start: struct.id.clock, characters };
  }

  /** The parts of a range that do not lie in the document as deleted already. */
  undeleted(client: number, clock: number, length: number): { clock: number; len: number }[] {
    const parts: { clock: number; len: number }[] = [];
    const end = clock + length;
    const durable = this.durableClock(client);
    const structs = this.#doc.store.clients.get(client) ?? [];
    let at = clock;
    for (
      let index = at < durable ? Y.findIndexSS(structs, at) : structs.length;
      index < structs.length && at < end;
      index++
    ) {
      const struct = structs[index];
      if (struct === undefined) break;
      const next = Math.min(struct.id.clock + struct.length, end);
      if (!struct.deleted) extend(parts, at, next);
      at = next;
    }
    if (at < end) extend(parts, at, end);
    return parts;
  }
}

const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number) => unit >= 0xdc00 && unit < 0xe000;

function extend(parts: { clock: number; len: number }[], from: number, to: number): void {
  const last = parts.at(-1);
  if (last !== undefined && last.clock + last.len === from) last.len = to - last.clock;
  else parts.push({ clock: from, len: to - from });
}
