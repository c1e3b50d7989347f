import { fromBase64, toBase64 } from "lib0/buffer";
import * as Y from "yjs";

/** An offset of `text` that stays beside its left neighbour, as base64. */
export function encodePosition(text: Y.Text, offset: number): string {
  return toBase64(Y.encodeRelativePosition(relativePosition(text, offset)));
}

/** The offset that a base64 relative position has now; undefined where it is of no use here. */
export function decodePosition(text: Y.Text, encoded: string): number | undefined {
  try {
    return offsetOf(text, Y.decodeRelativePosition(fromBase64(encoded)));
  } catch {
    return undefined;
  }
}

/** An offset of `text` as awareness carries it. */
export function positionToJson(text: Y.Text, offset: number): unknown {
  return Y.relativePositionToJSON(relativePosition(text, offset));
}

/** The offset that a position from awareness has now; undefined where it is of no use here. */
export function positionFromJson(text: Y.Text, json: unknown): number | undefined {
  try {
    return offsetOf(text, Y.createRelativePositionFromJSON(json));
  } catch {
    return undefined;
  }
}

/** Glued to the character on its left: what others insert at the spot comes after it. */
function relativePosition(text: Y.Text, offset: number): Y.RelativePosition {
  return Y.createRelativePositionFromTypeIndex(text, offset, -1);
}

/** Clamped before the final `\n`, behind which nobody stands. */
function offsetOf(text: Y.Text, position: Y.RelativePosition): number | undefined {
  if (text.doc === null) return undefined;
  const absolute = Y.createAbsolutePositionFromRelativePosition(position, text.doc);
  if (absolute === null || absolute.type !== text) return undefined;
  return Math.max(0, Math.min(absolute.index, text.length - 1));
}
