import type { Transaction } from "@tiptap/pm/state";
import { ReplaceStep } from "@tiptap/pm/transform";
import { isRemote } from "./binding-state.ts";
import type { Range } from "./normalise.ts";
import { markType } from "./schema.ts";

/** Where a remote transaction put text that a run wrote, in positions after it, in order of its steps. */
export function runInsertions(transaction: Transaction): Range[] {
  if (!transaction.docChanged || !isRemote(transaction)) return [];
  const run = markType(transaction.doc.type.schema, "run");
  const ranges: Range[] = [];
  transaction.steps.forEach((step, index) => {
    if (!(step instanceof ReplaceStep) || step.slice.size === 0) return;
    const rest = transaction.mapping.slice(index + 1);
    step.getMap().forEach((_oldFrom, _oldTo, newFrom, newTo) => {
      const range = { from: rest.map(newFrom, 1), to: rest.map(newTo, -1) };
      const stands = range.from < range.to;
      if (stands && transaction.doc.rangeHasMark(range.from, range.to, run)) ranges.push(range);
    });
  });
  return ranges;
}
