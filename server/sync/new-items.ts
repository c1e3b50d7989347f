import * as Y from "yjs";

/** An item that the document does not hold yet, and where it will stand among those that it holds. */
export interface NewItem {
  clock: number;
  end: number;
  /** Undefined where it is no text. */
  characters: string | undefined;
  /** It comes after this one of the document; null: after the beginning. */
  left: Y.ID | null;
  /** It comes before this one of the document; null: before the end. */
  right: Y.ID | null;
  /** Undefined where only its neighbours would tell, and they do not. */
  text: Y.Text | undefined;
}

/** Items of updates that go with the next commit, found by the clocks they cover. */
export class NewItems {
  readonly #ofClient = new Map<number, NewItem[]>();

  /** Items of a client come in the order of their clocks. */
  add(client: number, item: NewItem): void {
    const items = this.#ofClient.get(client);
    if (items === undefined) this.#ofClient.set(client, [item]);
    else items.push(item);
  }

  addAll(other: NewItems): void {
    for (const [client, items] of other.#ofClient) for (const item of items) this.add(client, item);
  }

  at(client: number, clock: number): NewItem | undefined {
    const items = this.#ofClient.get(client) ?? [];
    let from = 0;
    let to = items.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((items[middle]?.end ?? 0) <= clock) from = middle + 1;
      else to = middle;
    }
    const found = items[from];
    return found !== undefined && found.clock <= clock ? found : undefined;
  }
}

/** The characters of an item that is text. */
export function charactersOf({ content }: Y.Item): string | undefined {
  return content instanceof Y.ContentString ? content.str : undefined;
}
