import type { CharacterId } from "./characters.ts";
import type { ModelToken } from "./model-text.ts";
import type { ItemRange, TokenRow } from "./run-store.ts";

/** Where a run's characters stand in Yjs terms, flush by flush. */
export class WrittenItems {
  #last: ItemRange | undefined;

  /** The rows of these tokens, whose text was inserted as `ranges`. */
  place(tokens: readonly ModelToken[], ranges: readonly ItemRange[]): TokenRow[] {
    const units = unitsOf(ranges);
    return tokens.map(({ index, id, logprob, text }) => {
      const first = text === "" ? null : (units.next().value ?? null);
      for (let unit = 1; unit < text.length; unit++) units.next();
      return { index, id, logprob, text, first };
    });
  }

  /** The ranges as rows: the first goes on the last row before it where it can. */
  extend(ranges: readonly ItemRange[]): ItemRange[] {
    const [first, ...rest] = ranges;
    if (first === undefined) return [];
    const last = this.#last;
    const goesOn = last?.client === first.client && last.to === first.from;
    const rows = [goesOn ? { ...first, from: last.from } : { ...first }, ...rest];
    this.#last = rows.at(-1);
    return rows;
  }
}

function* unitsOf(ranges: readonly ItemRange[]): Generator<CharacterId, undefined> {
  for (const { client, from, to } of ranges) {
    for (let clock = from; clock < to; clock++) yield { client, clock };
  }
  return undefined;
}
