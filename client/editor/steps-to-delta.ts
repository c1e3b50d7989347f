import type { Node } from "@tiptap/pm/model";
import { AddMarkStep, AttrStep, RemoveMarkStep, type Step } from "@tiptap/pm/transform";
import type { DeltaOperation } from "./delta.ts";
import { type ReplacedRange, rangeDelta } from "./range-delta.ts";

/** The delta of one local step from `before` to `after`; it touches the step's own range alone. */
export function stepDelta(before: Node, after: Node, step: Step): DeltaOperation[] {
  const range = mappedRange(step) ?? formattedRange(before, step);
  return range === undefined ? differenceDelta(before, after) : rangeDelta(before, after, range);
}

/**
 * The delta between two documents without a step to go by. It rewrites all that lies between the
 * first and the last difference, so it is only what is left where nothing better is known.
 */
export function differenceDelta(before: Node, after: Node): DeltaOperation[] {
  const start = before.content.findDiffStart(after.content);
  const end = before.content.findDiffEnd(after.content);
  if (start === null || end === null) return [];
  const overlap = Math.max(0, start - Math.min(end.a, end.b));
  const range = { oldFrom: start, oldTo: end.a + overlap, newFrom: start, newTo: end.b + overlap };
  return rangeDelta(before, after, range);
}

function mappedRange(step: Step): ReplacedRange | undefined {
  let range: ReplacedRange | undefined;
  step.getMap().forEach((oldFrom, oldTo, newFrom, newTo) => {
    range = {
      oldFrom: range?.oldFrom ?? oldFrom,
      oldTo,
      newFrom: range?.newFrom ?? newFrom,
      newTo,
    };
  });
  return range;
}

/** Mark and attribute steps move nothing, so their maps are empty. */
function formattedRange(before: Node, step: Step): ReplacedRange | undefined {
  if (step instanceof AddMarkStep || step instanceof RemoveMarkStep) {
    return { oldFrom: step.from, oldTo: step.to, newFrom: step.from, newTo: step.to };
  }
  if (step instanceof AttrStep) {
    const to = step.pos + (before.nodeAt(step.pos)?.nodeSize ?? 0);
    return { oldFrom: step.pos, oldTo: to, newFrom: step.pos, newTo: to };
  }
  return undefined;
}
