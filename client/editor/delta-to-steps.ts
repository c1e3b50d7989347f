import { Fragment, type Node, Slice } from "@tiptap/pm/model";
import { ReplaceStep, type Transform } from "@tiptap/pm/transform";
import { attributesOfBlock, blockOf, headingLevelOf, markOf, marksOf } from "./attributes.ts";
import type { Attributes, Delta } from "./delta.ts";
import { positionAt } from "./positions.ts";
import { markType } from "./schema.ts";

const inlineAttributes = ["bold", "italic", "run"] as const;

/**
 * Adds to `transform` the smallest steps that do to its document what `delta` did to the flat text.
 * `attributesAt` says what the `\n` at an offset carries now: two people who change a block's type at
 * once can leave half of a type behind, which the document does not show.
 */
export function applyDelta<T extends Transform>(
  transform: T,
  delta: Delta,
  attributesAt: (offset: number) => Attributes,
): T {
  let offset = 0;
  for (const { insert, delete: deleted, retain, attributes } of delta) {
    if (insert !== undefined) {
      insertAt(transform, offset, insert, attributes ?? {});
      offset += insert.length;
    } else if (deleted !== undefined) {
      deleteAt(transform, offset, deleted);
    } else if (retain !== undefined) {
      if (attributes !== undefined) formatAt(transform, offset, retain, attributes, attributesAt);
      offset += retain;
    }
  }
  return transform;
}

/**
 * The first line inserted continues the line at `offset` and takes its `\n`'s type from the
 * insertion; the last one keeps the line's own `\n`, and so its own type.
 */
function insertAt(transform: Transform, offset: number, text: string, attributes: Attributes) {
  const { schema } = transform.doc.type;
  const position = positionAt(transform.doc, offset);
  const marks = marksOf(schema, attributes);
  const content = (line: string) =>
    line === "" ? Fragment.empty : Fragment.from(schema.text(line, marks));
  const lines = text.split("\n");
  if (lines.length === 1) {
    transform.step(new ReplaceStep(position, position, new Slice(content(text), 0, 0)));
    return;
  }
  const own = attributesOfBlock(transform.doc.resolve(position).parent);
  const blocks = lines.map((line, index) =>
    blockOf(schema, index === lines.length - 1 ? own : attributes, content(line)),
  );
  transform.step(new ReplaceStep(position, position, new Slice(Fragment.fromArray(blocks), 1, 1)));
  setBlock(transform, position, attributes);
}

/** Whole lines go as whole nodes; else the block that is left takes the right line's type. */
function deleteAt(transform: Transform, offset: number, length: number) {
  const { doc } = transform;
  const from = doc.resolve(positionAt(doc, offset));
  const to = doc.resolve(positionAt(doc, offset + length));
  const wholeLines =
    from.parentOffset === 0 && to.parentOffset === 0 && from.index(0) < to.index(0);
  if (wholeLines) {
    transform.step(new ReplaceStep(from.pos - 1, to.pos - 1, Slice.empty));
    return;
  }
  const right = attributesOfBlock(to.parent);
  transform.step(new ReplaceStep(from.pos, to.pos, Slice.empty));
  setBlock(transform, from.pos, right);
}

function formatAt(
  transform: Transform,
  offset: number,
  length: number,
  attributes: Attributes,
  attributesAt: (offset: number) => Attributes,
) {
  const { schema } = transform.doc.type;
  const from = positionAt(transform.doc, offset);
  const to = positionAt(transform.doc, offset + length);
  for (const name of inlineAttributes) {
    if (!(name in attributes)) continue;
    const mark = markOf(schema, name, attributes[name]);
    if (mark === undefined) transform.removeMark(from, to, markType(schema, name));
    else transform.addMark(from, to, mark);
  }
  const whole = "block" in attributes && "level" in attributes;
  if (!whole && !("block" in attributes) && !("level" in attributes)) return;
  for (const end of lineEndsBetween(transform.doc, offset, offset + length)) {
    setBlock(transform, positionAt(transform.doc, end), whole ? attributes : attributesAt(end));
  }
}

/** Offsets of the `\n`s in a range. */
function lineEndsBetween(doc: Node, from: number, to: number): number[] {
  const ends: number[] = [];
  let start = 0;
  for (let line = 0; line < doc.childCount && start < to; line++) {
    const end = start + doc.child(line).content.size;
    if (end >= from && end < to) ends.push(end);
    start = end + 1;
  }
  return ends;
}

function setBlock(transform: Transform, position: number, attributes: Attributes) {
  const resolved = transform.doc.resolve(position);
  const current = headingLevelOf(attributesOfBlock(resolved.parent));
  if (current === headingLevelOf(attributes)) return;
  const block = blockOf(transform.doc.type.schema, attributes);
  transform.setNodeMarkup(resolved.before(1), block.type, block.attrs);
}
