import { PluginKey, type Transaction } from "@tiptap/pm/state";
import { insertedRanges, mapRange, type Range } from "./normalise.ts";

/** The local transactions since the editor began, newest first; the part already replayed is cut off. */
export interface Link {
  previous: Link | null;
  transaction: Transaction | null;
}

/** What the binding remembers in the editor's state. */
export interface BindingState {
  link: Link;
  /** What the composition under way has put in; made plain once it has ended. */
  composed: readonly Range[];
}

/** How the binding's own transactions name themselves. */
type BindingMeta = "remote" | "composed-settled";

export const bindingKey = new PluginKey<BindingState>("flat-text-binding");

export function markTransaction(transaction: Transaction, meta: BindingMeta): Transaction {
  return transaction.setMeta(bindingKey, meta).setMeta("addToHistory", false);
}

/** Whether the transaction draws what the shared text already holds. */
export function isRemote(transaction: Transaction): boolean {
  return transaction.getMeta(bindingKey) === "remote";
}

export const initialState: BindingState = {
  link: { previous: null, transaction: null },
  composed: [],
};

/** The next state: a local change becomes a link of the chain. */
export function nextState(
  state: BindingState,
  transaction: Transaction,
  composing: boolean,
): BindingState {
  const settled = transaction.getMeta(bindingKey) === "composed-settled";
  const composed = settled
    ? []
    : state.composed
        .map((range) => mapRange(range, transaction))
        .filter(({ from, to }) => from < to);
  if (!transaction.docChanged || isRemote(transaction)) return { link: state.link, composed };
  if (composing) composed.push(...insertedRanges([transaction]));
  return { link: { previous: state.link, transaction }, composed };
}

/** The local transactions after `synced`, oldest first. */
export function transactionsSince(link: Link, synced: Link): Transaction[] {
  const transactions: Transaction[] = [];
  for (let at: Link | null = link; at !== null && at !== synced; at = at.previous) {
    if (at.transaction !== null) transactions.unshift(at.transaction);
  }
  return transactions;
}
