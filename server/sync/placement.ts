import * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";
import { charactersOf, NewItems } from "./new-items.ts";

/** Where the new items of an update go. */
export interface Placement {
  /** Items that Yjs walks over while it finds their places, counted up to a limit. */
  steps: number;
  /** Whether each stands between neighbours between which somebody could have written it. */
  isPossible: boolean;
  placed: NewItems;
}

interface Surroundings {
  doc: Y.Doc;
  /** Of updates that go with the same commit. */
  ahead: NewItems;
  /** The next clock expected of a client; what lies below it is known. */
  clock: (client: number) => number;
  limit: number;
}

/**
 * Walks as Yjs does to find the places of new items, which come in the order in which Yjs takes
 * them in: for each, over those between its neighbours. A neighbour that is new itself counts as
 * being where its own neighbour is.
 */
export function placeItems(items: readonly Y.Item[], surroundings: Surroundings): Placement {
  const placed = new NewItems();
  let steps = 0;
  for (const item of items) {
    const place = placeOf(item, placed, surroundings);
    if (place === undefined) return { steps, isPossible: false, placed };
    placed.add(item.id.client, {
      clock: item.id.clock,
      end: item.id.clock + item.length,
      characters: charactersOf(item),
      left: place.left,
      right: place.right,
      text: place.text,
    });
    const walk = walkBetween(place, surroundings.doc, surroundings.limit - steps);
    steps += walk.steps;
    if (steps >= surroundings.limit) break;
    if (!walk.isPossible) return { steps, isPossible: false, placed };
  }
  return { steps, isPossible: true, placed };
}

/** Neighbours that the document holds, and what whoever wrote between them has seen. */
interface Place {
  left: Y.ID | null;
  right: Y.ID | null;
  text: Y.Text | undefined;
  /** Whether the writer has seen what is found in between; always false where a neighbour is new. */
  hasSeen: (client: number, clock: number) => boolean;
}

/** Undefined where it has no place. */
function placeOf(item: Y.Item, placed: NewItems, around: Surroundings): Place | undefined {
  const origin = originOf(item, around);
  const { id, rightOrigin } = item;
  const left = neighbourAt(origin, "left", placed, around);
  const right = neighbourAt(rightOrigin, "right", placed, around);
  if (left.item !== undefined && left.item === right.item) {
    if (origin?.clock !== (rightOrigin?.clock ?? 0) - 1) return undefined;
  }
  if (left.text !== undefined && right.text !== undefined && left.text !== right.text)
    return undefined;
  const areKnown = left.item === undefined && right.item === undefined;
  const seen = [origin, rightOrigin].flatMap((neighbour) => [
    neighbour,
    ...neighboursOf(neighbour, around),
  ]);
  return {
    left: left.known,
    right: right.known,
    text: left.text ?? right.text ?? declaredText(item, around.doc),
    hasSeen: (client, clock) =>
      areKnown && (client === id.client || seen.some(covers(client, clock))),
  };
}

/** What whoever has seen a character of the document has seen as well: what it was put between. */
function neighboursOf(id: Y.ID | null, { doc }: Surroundings): (Y.ID | null)[] {
  const item = id === null ? null : itemAt(doc, id);
  return item === null ? [] : [item.origin, item.rightOrigin];
}

/** Who has a character has all that its writer wrote before it. */
const covers = (client: number, clock: number) => (id: Y.ID | null) =>
  client === id?.client && clock <= id.clock;

/** A neighbour, and what the document knows on its far side, or the neighbour itself. */
function neighbourAt(
  id: Y.ID | null,
  side: "left" | "right",
  placed: NewItems,
  { doc, ahead }: Surroundings,
) {
  const isNew = id !== null && id.clock >= Y.getState(doc.store, id.client);
  const item = isNew
    ? (placed.at(id.client, id.clock) ?? ahead.at(id.client, id.clock))
    : undefined;
  return item === undefined
    ? { item, known: id, text: textAt(doc, id) }
    : { item, known: item[side], text: item.text };
}

/** What is known of an item is cut off: the rest comes after that. */
function originOf({ id, origin }: Y.Item, { clock }: Surroundings): Y.ID | null {
  const known = clock(id.client);
  return id.clock < known ? Y.createID(id.client, known - 1) : origin;
}

/**
 * Over what lies between two neighbours. Nobody writes there who has seen something that lies in
 * between, or where the right one does not come after the left one.
 */
function walkBetween({ left, right, text, hasSeen }: Place, doc: Y.Doc, limit: number) {
  const first = left === null ? (text?._start ?? null) : itemAt(doc, left);
  // Next to what was collected everything is collected, and stands nowhere.
  const isNowhere = (id: Y.ID | null) => id !== null && itemAt(doc, id) === null;
  if (isNowhere(left) || isNowhere(right)) return { steps: 0, isPossible: true };
  let steps = 0;
  for (let item = first; item !== null && steps < limit; item = item.right, steps++) {
    const { client, clock } = item.id;
    const isLast = holds(item, right);
    const from = item === first && left !== null ? left.clock + 1 : clock;
    const to = isLast && right !== null ? right.clock : clock + item.length;
    if (from > to || (from < to && hasSeen(client, from))) return { steps, isPossible: false };
    if (isLast) return { steps, isPossible: true };
  }
  return { steps, isPossible: right === null || steps >= limit };
}

function holds({ id, length }: Y.Item, wanted: Y.ID | null): boolean {
  if (wanted?.client !== id.client) return false;
  return wanted.clock >= id.clock && wanted.clock < id.clock + length;
}

function textAt(doc: Y.Doc, id: Y.ID | null): Y.Text | undefined {
  if (id === null) return undefined;
  // Asked for first: a loaded document's items belong to nameless types until then.
  const known = texts(doc);
  const parent = itemAt(doc, id)?.parent;
  return known.find((text) => text === parent);
}

function declaredText({ parent }: Y.Item, doc: Y.Doc): Y.Text | undefined {
  return typeof parent === "string" ? doc.getText(parent) : undefined;
}

const texts = (doc: Y.Doc) => [doc.getText(sharedTypes.body), doc.getText(sharedTypes.title)];

/** A text's items stay items; whatever else a store holds there has no neighbours. */
function itemAt(doc: Y.Doc, id: Y.ID): Y.Item | null {
  if (id.clock >= Y.getState(doc.store, id.client)) return null;
  const struct: unknown = Y.getItem(doc.store, id);
  return struct instanceof Y.Item ? struct : null;
}
