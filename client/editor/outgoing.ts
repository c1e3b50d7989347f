import type { Transaction } from "@tiptap/pm/state";
import { type Attributes, clipDelta, type DeltaOperation } from "./delta.ts";
import { splitDelta } from "./split-delta.ts";
import { stepDelta } from "./steps-to-delta.ts";
import { wellFormed } from "./surrogates.ts";

/**
 * What local transactions do to a text of `length`: groups of deltas, one Yjs transaction a group.
 * There is one group unless an insertion is too large for one update frame.
 */
export function outgoingDeltas(
  transactions: readonly Transaction[],
  length: number,
): DeltaOperation[][][] {
  const small: DeltaOperation[][] = [];
  const groups = [small];
  let group = small;
  let now = length;
  for (const delta of transactions.flatMap(stepDeltas)) {
    const clipped = clipDelta(delta, now).map(asPersons);
    now += lengthChange(clipped);
    splitDelta(clipped).forEach((part, index) => {
      if (index > 0) groups.push((group = []));
      group.push(part);
    });
  }
  return groups.filter((deltas) => deltas.length > 0);
}

function stepDeltas(transaction: Transaction): DeltaOperation[][] {
  return transaction.steps.map((step, index) => {
    const before = transaction.docs[index] ?? transaction.before;
    return stepDelta(before, transaction.docs[index + 1] ?? transaction.doc, step);
  });
}

/** A person's text never claims to be a run's and holds no half characters. */
function asPersons(operation: DeltaOperation): DeltaOperation {
  const clean = { ...operation };
  if (operation.insert !== undefined) clean.insert = wellFormed(operation.insert);
  if (operation.attributes?.run) clean.attributes = withoutRun(operation.attributes);
  return clean;
}

function withoutRun({ run: _run, ...attributes }: Attributes): Attributes {
  return attributes;
}

function lengthChange(delta: readonly DeltaOperation[]): number {
  return delta.reduce((sum, { insert, delete: deleted }) => {
    return sum + (insert?.length ?? 0) - (deleted ?? 0);
  }, 0);
}
