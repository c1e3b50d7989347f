import type { Node } from "@tiptap/pm/model";
import { attributesOfBlock } from "./attributes.ts";
import { type Cell, cellsBetween } from "./cells.ts";
import { attributeChange, type DeltaOperation, isBareRetain, pushOperation } from "./delta.ts";
import { flatLength, offsetAt } from "./positions.ts";
import { isLowSurrogate } from "./surrogates.ts";

/** A replaced range, in positions of the document before and of the one after. */
export interface ReplacedRange {
  oldFrom: number;
  oldTo: number;
  newFrom: number;
  newTo: number;
}

/**
 * The delta between two documents that differ inside `range` alone. The final `\n` is never deleted
 * and nothing goes after it; a `\n` just after the range may change its attributes.
 */
export function rangeDelta(before: Node, after: Node, range: ReplacedRange): DeltaOperation[] {
  let oldStart = offsetAt(before, range.oldFrom);
  let newStart = offsetAt(after, range.newFrom);
  const oldEnd = offsetAt(before, range.oldTo);
  const newEnd = offsetAt(after, range.newTo);
  const reachesEnd = oldEnd === flatLength(before);
  const oneSideEmpty = oldStart === oldEnd || newStart === newEnd;
  if (reachesEnd && oneSideEmpty && oldStart > 0) {
    oldStart--;
    newStart--;
  }
  const delta: DeltaOperation[] = [];
  if (oldStart > 0) delta.push({ retain: oldStart });
  pushDifference(
    delta,
    cellsBetween(before, oldStart, oldEnd),
    cellsBetween(after, newStart, newEnd),
    reachesEnd ? 1 : 0,
  );
  pushFollowingBreak(delta, before, after, range);
  while (isBareRetain(delta.at(-1))) delta.pop();
  return delta;
}

/** `fixed` cells at the end are paired with each other, whatever they hold. */
function pushDifference(delta: DeltaOperation[], old: Cell[], now: Cell[], fixed: number) {
  const prefix = commonPrefix(old, now, fixed);
  const suffix = commonSuffix(old, now, prefix, fixed);
  for (let index = 0; index < prefix; index++) keep(delta, old[index], now[index]);
  for (const cell of now.slice(prefix, now.length - suffix)) {
    pushOperation(delta, { insert: cell.unit, attributes: cell.attributes });
  }
  const deleted = old.length - suffix - prefix;
  if (deleted > 0) pushOperation(delta, { delete: deleted });
  for (let back = suffix; back > 0; back--) keep(delta, old.at(-back), now.at(-back));
}

function commonPrefix(old: Cell[], now: Cell[], fixed: number): number {
  const most = Math.min(old.length, now.length) - fixed;
  let length = 0;
  while (length < most && old[length]?.unit === now[length]?.unit) length++;
  const cutsPair = isLowSurrogate(old[length]?.unit) || isLowSurrogate(now[length]?.unit);
  return length > 0 && cutsPair ? length - 1 : length;
}

function commonSuffix(old: Cell[], now: Cell[], prefix: number, fixed: number): number {
  const most = Math.min(old.length, now.length) - prefix;
  let length = fixed;
  while (length < most && old.at(-1 - length)?.unit === now.at(-1 - length)?.unit) length++;
  return length > 0 && isLowSurrogate(old.at(-length)?.unit) ? length - 1 : length;
}

function keep(delta: DeltaOperation[], old: Cell | undefined, now: Cell | undefined) {
  const attributes = attributeChange(old?.attributes ?? {}, now?.attributes ?? {});
  pushOperation(delta, attributes === undefined ? { retain: 1 } : { retain: 1, attributes });
}

/** A join or split may leave the line after the range with a new type; its `\n` lies behind equal text. */
function pushFollowingBreak(
  delta: DeltaOperation[],
  before: Node,
  after: Node,
  range: ReplacedRange,
) {
  const old = before.resolve(range.oldTo);
  const now = after.resolve(range.newTo);
  if (old.depth === 0 || now.depth === 0) return;
  const attributes = attributeChange(attributesOfBlock(old.parent), attributesOfBlock(now.parent));
  if (attributes === undefined) return;
  const gap = old.end() - range.oldTo;
  if (gap > 0) pushOperation(delta, { retain: gap });
  pushOperation(delta, { retain: 1, attributes });
}
