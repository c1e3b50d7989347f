import type { Node } from "@tiptap/pm/model";

/*
 * A document is one level of blocks; line i is block i and ends with one `\n`. So a position is its
 * offset in the flat text, plus 1 for the first block's opening, plus 1 for each line before it.
 */

/** Length of the flat text that `doc` stands for, the `\n` of each block included. */
export function flatLength(doc: Node): number {
  return doc.content.size - doc.childCount;
}

/** Flat offset of a document position; a position between blocks counts as the next line's start. */
export function offsetAt(doc: Node, position: number): number {
  const resolved = doc.resolve(position);
  return position - resolved.index(0) - (resolved.depth > 0 ? 1 : 0);
}

/** Document position of a flat offset; an offset past the end gives the end of the last block. */
export function positionAt(doc: Node, offset: number): number {
  let left = offset;
  let position = 0;
  for (let line = 0; line < doc.childCount; line++) {
    const size = doc.child(line).content.size;
    if (left <= size) return position + 1 + left;
    left -= size + 1;
    position += size + 2;
  }
  return doc.content.size - 1;
}
