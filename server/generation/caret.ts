import * as Y from "yjs";
import { sharedTypes } from "#shared/sync-protocol.ts";
import { InvalidError } from "../errors.ts";
import { type CharacterId, endOfText, readCharacters, walkCharacters } from "./characters.ts";

/** The shared text of a document. */
export function bodyOf(doc: Y.Doc): Y.Text {
  return doc.getText(sharedTypes.body);
}

/** A caret at `index` that stays with the character on its left. */
export function caretAt(body: Y.Text, index: number): Y.RelativePosition {
  return Y.createRelativePositionFromTypeIndex(body, index, -1);
}

/**
 * Where the caret stands now: never after the final `\n`, never inside a surrogate pair; the end
 * where its place is gone for good.
 */
export function caretIndex(doc: Y.Doc, caret: Y.RelativePosition): number {
  const body = bodyOf(doc);
  const place = Y.createAbsolutePositionFromRelativePosition(caret, doc);
  const end = endOfText(body);
  if (place === null || place.type !== body) return end;
  const index = Math.min(place.index, end);
  return splitsCharacter(body, index) ? index + 1 : index;
}

function splitsCharacter(body: Y.Text, index: number): boolean {
  if (index === 0) return false;
  const around = readCharacters(body, index - 1, index + 1)
    .map((run) => run.text)
    .join("");
  return /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(around);
}

/**
 * The caret that a person asked for, as one of the model's own. Throws InvalidError where it cannot
 * be read, or lies outside the document's text.
 */
export function requestedCaret(doc: Y.Doc, encoded: string): Y.RelativePosition {
  const wish = decodeCaret(encoded);
  const body = bodyOf(doc);
  if (wish === undefined || positionIndex(doc, wish) === undefined) {
    throw new InvalidError("The caret is no place in this document's text.", { field: "caret" });
  }
  return caretAt(body, caretIndex(doc, wish));
}

/** Offset of a position that somebody else named; undefined where it is no place in the text. */
export function positionIndex(doc: Y.Doc, position: Y.RelativePosition): number | undefined {
  const place = placeIn(doc, position);
  return place?.type === bodyOf(doc) ? place.index : undefined;
}

/** Only a character or the body itself may be named: Yjs would make any other root type that is named. */
function placeIn(doc: Y.Doc, position: Y.RelativePosition): Y.AbsolutePosition | null {
  if (position.item === null && position.tname !== sharedTypes.body) return null;
  try {
    return Y.createAbsolutePositionFromRelativePosition(position, doc);
  } catch {
    return null;
  }
}

function decodeCaret(encoded: string): Y.RelativePosition | undefined {
  try {
    return Y.decodeRelativePosition(Buffer.from(encoded, "base64"));
  } catch {
    return undefined;
  }
}

/** base64 of an encoded relative position, as clients carry it. */
export function encodePosition(position: Y.RelativePosition): string {
  return Buffer.from(Y.encodeRelativePosition(position)).toString("base64");
}

/** A position before the character `id`, that stays with it. */
export function positionBefore({ client, clock }: CharacterId): Y.RelativePosition {
  return new Y.RelativePosition(null, null, Y.createID(client, clock), 0);
}

/** The document as it was when the caret was last known to be right. */
export interface Baseline {
  /** Whether this character came after it. */
  isNew(id: CharacterId): boolean;
}

/** The document as it is now. */
export function baselineOf(doc: Y.Doc): Baseline {
  const clocks = Y.decodeStateVector(Y.encodeStateVector(doc));
  return { isNew: ({ client, clock }) => clock >= (clocks.get(client) ?? 0) };
}

/** The document before these updates: clocks only grow, so the least new one of a client decides. */
export function baselineBefore(updates: readonly Uint8Array[]): Baseline {
  const firstNew = new Map<number, number>();
  for (const update of updates) {
    for (const { id } of Y.decodeUpdate(update).structs) {
      firstNew.set(id.client, Math.min(id.clock, firstNew.get(id.client) ?? id.clock));
    }
  }
  return {
    isNew: ({ client, clock }) => clock >= (firstNew.get(client) ?? Number.POSITIVE_INFINITY),
  };
}

/** Where the text ends that was typed at `index` since the baseline; `index` itself if none was. */
export function endOfTypedText(body: Y.Text, index: number, baseline: Baseline): number {
  let end = index;
  for (const run of walkCharacters(body, index, endOfText(body))) {
    for (let unit = 0; unit < run.text.length; unit++) {
      if (!baseline.isNew({ client: run.client, clock: run.clock + unit })) return end;
      end++;
    }
  }
  return end;
}
