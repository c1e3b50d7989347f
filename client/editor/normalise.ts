import type { EditorState, Transaction } from "@tiptap/pm/state";
import { ReplaceAroundStep, ReplaceStep } from "@tiptap/pm/transform";
import { markType } from "./schema.ts";

/** A range of document positions. */
export interface Range {
  from: number;
  to: number;
}

/** A line break that belongs between blocks, or a unit that no text may hold. */
const unwanted = /\r\n|\u2028|\u2029|(?!\t)\p{Cc}|\p{Surrogate}/gu;
const lineBreak = /[\n\r\v\f\u0085\u2028\u2029]/;

/** What these transactions inserted and still stands, in positions after the last of them. */
export function insertedRanges(transactions: readonly Transaction[]): Range[] {
  const ranges: Range[] = [];
  transactions.forEach((transaction, index) => {
    const later = transactions.slice(index + 1);
    for (const range of rangesOf(transaction)) {
      const mapped = later.reduce(mapRange, range);
      if (mapped.from < mapped.to) ranges.push(mapped);
    }
  });
  return ranges;
}

/** Where `range` is after `transaction`; what was inserted at its ends stays outside. */
export function mapRange(range: Range, transaction: Transaction): Range {
  return {
    from: transaction.mapping.map(range.from, 1),
    to: transaction.mapping.map(range.to, -1),
  };
}

/**
 * Makes what a person put into `ranges` a person's (no `run`), turns raw line breaks into blocks and
 * drops what no text may hold. Undefined where there is nothing to mend.
 */
export function normalise(state: EditorState, ranges: readonly Range[]): Transaction | undefined {
  const { tr } = state;
  const run = markType(state.schema, "run");
  for (const { from, to } of ranges) {
    if (state.doc.rangeHasMark(from, to, run)) tr.removeMark(from, to, run);
  }
  for (const { from, to, isBreak } of unwantedIn(state, ranges)) {
    tr.delete(from, to);
    if (isBreak) tr.split(from);
  }
  return tr.docChanged ? tr : undefined;
}

/** Takes `run` off what is typed next where the caret stands inside a run's text. */
export function withoutStoredRun(state: EditorState): Transaction | undefined {
  const { selection, storedMarks } = state;
  const marks =
    storedMarks ??
    (selection.empty ? selection.$from.marks() : selection.$from.marksAcross(selection.$to)) ??
    [];
  const run = markType(state.schema, "run");
  if (!run.isInSet(marks)) return undefined;
  return state.tr.setStoredMarks(run.removeFromSet(marks)).setMeta("addToHistory", false);
}

function rangesOf(transaction: Transaction): Range[] {
  const ranges: Range[] = [];
  transaction.steps.forEach((step, index) => {
    const inserts = step instanceof ReplaceStep || step instanceof ReplaceAroundStep;
    if (!inserts || step.slice.size === 0) return;
    const rest = transaction.mapping.slice(index + 1);
    step.getMap().forEach((_oldFrom, _oldTo, newFrom, newTo) => {
      ranges.push({ from: rest.map(newFrom, 1), to: rest.map(newTo, -1) });
    });
  });
  return ranges;
}

/** From the last to the first, so that mending one does not move the next. */
function unwantedIn(state: EditorState, ranges: readonly Range[]) {
  const found = new Map<number, Range & { isBreak: boolean }>();
  for (const { from, to } of ranges) {
    state.doc.nodesBetween(from, to, (node, position) => {
      for (const match of (node.text ?? "").matchAll(unwanted)) {
        const start = position + match.index;
        const end = start + match[0].length;
        if (start < to && end > from) {
          found.set(start, { from: start, to: end, isBreak: lineBreak.test(match[0]) });
        }
      }
    });
  }
  return [...found.values()].sort((left, right) => right.from - left.from);
}
