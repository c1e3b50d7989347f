import * as Y from "yjs";
import type { StateVector } from "./save-ledger.ts";

/**
 * The words of `text` that the server is not known to have committed, in the order of the text, a
 * line break between places that do not touch. All of it where nothing is known.
 */
export function unacknowledgedText(text: Y.Text, durable: StateVector): string {
  const { doc } = text;
  if (doc === null) return "";
  const then = Y.createSnapshot(Y.createDeleteSet(), new Map(durable));
  const delta: unknown[] = text.toDelta(Y.snapshot(doc), then, (type) => ({ type }));
  const places: string[] = [];
  let touching = false;
  for (const operation of delta) {
    const added = addedText(operation);
    if (added !== undefined) places.push(touching ? (places.pop() ?? "") + added : added);
    touching = added !== undefined;
  }
  return places.join("\n").trim();
}

/** The operation's text where it was added since the snapshot. */
function addedText(operation: unknown): string | undefined {
  if (typeof operation !== "object" || operation === null) return undefined;
  const { insert, attributes } = operation as {
    insert?: unknown;
    attributes?: { ychange?: { type?: string }; run?: unknown };
  };
  // What a model wrote is committed before anyone sees it.
  if (typeof insert !== "string" || attributes?.run) return undefined;
  return attributes?.ychange?.type === "added" ? insert : undefined;
}
