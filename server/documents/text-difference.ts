import { diff } from "lib0/diff/patience";
import type * as Y from "yjs";

/** At `index` of the old text, `remove` UTF-16 units give way to `insert`. */
export interface TextChange {
  index: number;
  remove: number;
  insert: string;
}

type Attributes = Record<string, unknown>;

/** Comparing more pieces than this costs seconds; a coarser change is right as well. */
const maxPieces = 4_000;

/** What turns `before` into `after`, by lines, then words, then characters; in order of `index`. */
export function textChanges(before: string, after: string): TextChange[] {
  return changesByPieces(before, after, /[^\n]*\n|[^\n]+$/g).flatMap((lines) =>
    offset(
      changesByPieces(lines.before, lines.after, /\s+|[^\s]+/g).map(trimEqualEnds),
      lines.index,
    ),
  );
}

/** Makes `text` read `wanted` by its smallest changes, so that carets and other people's edits stay. */
export function replaceText(text: Y.Text, wanted: string): void {
  for (const { index, remove, insert } of textChanges(text.toString(), wanted).reverse()) {
    // Explicit empty attributes: without them the text would take its left neighbour's.
    if (insert !== "") text.insert(index, insert, {});
    if (remove > 0) text.delete(index + insert.length, remove);
  }
}

/** Makes `text` equal `wanted`, attributes too; whatever is equal already is not touched. */
export function replaceFormattedText(text: Y.Text, wanted: Y.Text): void {
  replaceText(text, wanted.toString());
  const wantedRanges = rangesOf(wanted);
  for (const range of rangesOf(text)) {
    for (const goal of wantedRanges) {
      const from = Math.max(range.from, goal.from);
      const to = Math.min(range.to, goal.to);
      const change = from < to ? attributeChange(range.attributes, goal.attributes) : undefined;
      if (change !== undefined) text.format(from, to - from, change);
    }
  }
}

interface PieceChange {
  index: number;
  before: string;
  after: string;
}

function changesByPieces(before: string, after: string, pieces: RegExp): PieceChange[] {
  if (before === after) return [];
  const beforePieces = before.match(pieces) ?? [];
  const afterPieces = after.match(pieces) ?? [];
  if (Math.max(beforePieces.length, afterPieces.length) > maxPieces)
    return [{ index: 0, before, after }];
  let piece = 0;
  let index = 0;
  return diff(beforePieces, afterPieces).map((change) => {
    for (; piece < change.index; piece++) index += beforePieces[piece]?.length ?? 0;
    return { index, before: change.remove.join(""), after: change.insert.join("") };
  });
}

/** Leaves equal characters at both ends alone; a surrogate pair is one character. */
function trimEqualEnds({ index, before, after }: PieceChange): TextChange {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  if (start > 0 && isHighSurrogate(before, start - 1)) start--;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  if (end > 0 && isHighSurrogate(before, before.length - end - 1)) end--;
  return {
    index: index + start,
    remove: before.length - start - end,
    insert: after.slice(start, after.length - end),
  };
}

function isHighSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xd800 && unit <= 0xdbff;
}

function offset(changes: TextChange[], by: number): TextChange[] {
  return changes.map((change) => ({ ...change, index: change.index + by }));
}

function rangesOf(text: Y.Text): { from: number; to: number; attributes: Attributes }[] {
  let from = 0;
  return text.toDelta().map((part: { insert: string; attributes?: Attributes }) => {
    const range = { from, to: from + part.insert.length, attributes: part.attributes ?? {} };
    from = range.to;
    return range;
  });
}

/** The attributes to set (or, with null, to clear); undefined where the two are equal. */
function attributeChange(have: Attributes, wanted: Attributes): Attributes | undefined {
  const change: Attributes = {};
  for (const name of Object.keys({ ...have, ...wanted }))
    if (have[name] !== wanted[name]) change[name] = wanted[name] ?? null;
  return Object.keys(change).length === 0 ? undefined : change;
}
