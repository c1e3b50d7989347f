import * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";

/**
 * How many items Yjs walks over while it finds the places of new ones: for each, those between its
 * neighbours. A neighbour that is new itself counts as being where its own neighbour is. Counts to
 * `limit` and no further; every item of a text of thousands may claim its two ends.
 */
export function integrationSteps(items: readonly Y.Item[], doc: Y.Doc, limit: number): number {
  const placed = new Map<number, { clock: number; left: Y.Item | null }[]>();
  let steps = 0;
  for (const item of items) {
    const left = leftNeighbour(item, doc, placed);
    const own = placed.get(item.id.client) ?? [];
    own.push({ clock: item.id.clock, left });
    placed.set(item.id.client, own);
    steps += stepsFrom(left ?? startOf(item, doc), item.rightOrigin, limit - steps);
    if (steps >= limit) break;
  }
  return steps;
}

type Placed = ReadonlyMap<number, readonly { clock: number; left: Y.Item | null }[]>;

function leftNeighbour({ origin }: Y.Item, doc: Y.Doc, placed: Placed): Y.Item | null {
  if (origin === null) return null;
  if (origin.clock < Y.getState(doc.store, origin.client)) return itemAt(doc, origin);
  return placed.get(origin.client)?.findLast(({ clock }) => clock <= origin.clock)?.left ?? null;
}

/** The first item of the text that it goes into; one with a neighbour on its right is in its text. */
function startOf({ parent, rightOrigin }: Y.Item, doc: Y.Doc): Y.Item | null {
  if (rightOrigin === null) return typeof parent === "string" ? doc.getText(parent)._start : null;
  const isDurable = rightOrigin.clock < Y.getState(doc.store, rightOrigin.client);
  const right = isDurable ? itemAt(doc, rightOrigin) : null;
  const inTitle = right?.parent === doc.getText(sharedTypes.title);
  return doc.getText(inTitle ? sharedTypes.title : sharedTypes.body)._start;
}

function stepsFrom(from: Y.Item | null, to: Y.ID | null, limit: number): number {
  let steps = 0;
  for (let item = from; item !== null && steps < limit; item = item.right, steps++) {
    const { client, clock } = item.id;
    if (to?.client === client && to.clock >= clock && to.clock < clock + item.length) break;
  }
  return steps;
}

/** A text's items stay items; whatever else a store holds there has no neighbours. */
function itemAt(doc: Y.Doc, id: Y.ID): Y.Item | null {
  const struct: unknown = Y.getItem(doc.store, id);
  return struct instanceof Y.Item ? struct : null;
}
