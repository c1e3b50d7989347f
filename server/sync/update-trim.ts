import * as encoding from "lib0/encoding";
import * as Y from "yjs";
import type { Frontier } from "./frontier.ts";
import { scanUpdate } from "./update-scan.ts";

/** What an update deletes: for each client, ranges of its clocks. */
export type DeleteRanges = ReadonlyMap<number, readonly { clock: number; len: number }[]>;

/**
 * Takes out of an update what the document has already: a reconnecting client sends the whole list
 * of what was ever deleted, a reloaded one also old text. Undefined where nothing is left.
 */
export function trimUpdate(
  update: Uint8Array,
  hasKnown: boolean,
  deletions: DeleteRanges,
  frontier: Frontier,
): Uint8Array | undefined {
  const remaining = remainingDeletions(deletions, frontier);
  const structs = hasKnown ? Y.diffUpdate(update, stateVector(update, frontier)) : update;
  const { structBytes, structs: count } = scanUpdate(structs, unlimited);
  if (count === 0 && remaining.size === 0) return undefined;
  return encoding.encode((encoder) => {
    encoding.writeUint8Array(encoder, structs.subarray(0, structBytes));
    writeDeleteSet(encoder, remaining);
  });
}

/** It has been scanned before, with limits. */
const unlimited = {
  structs: Number.MAX_SAFE_INTEGER,
  deleteRanges: Number.MAX_SAFE_INTEGER,
  structLength: Number.MAX_SAFE_INTEGER,
};

function remainingDeletions(deletions: DeleteRanges, frontier: Frontier): DeleteRanges {
  const remaining = new Map<number, { clock: number; len: number }[]>();
  for (const [client, ranges] of deletions) {
    const left = disjoint(ranges).flatMap(({ clock, len }) =>
      frontier.undeleted(client, clock, len),
    );
    if (left.length > 0) remaining.set(client, left);
  }
  return remaining;
}

/** The same clocks, each once: a range that comes again and again would be looked up each time. */
function disjoint(ranges: readonly { clock: number; len: number }[]) {
  const merged: { clock: number; len: number }[] = [];
  for (const { clock, len } of ranges.toSorted((one, other) => one.clock - other.clock)) {
    const last = merged.at(-1);
    if (last === undefined || clock > last.clock + last.len) merged.push({ clock, len });
    else last.len = Math.max(last.len, clock + len - last.clock);
  }
  return merged;
}

/** The frontier, for the clients of the update alone. */
function stateVector(update: Uint8Array, frontier: Frontier): Uint8Array {
  const clients = [...Y.parseUpdateMeta(update).to.keys()];
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, clients.length);
    for (const client of clients) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, frontier.clock(client));
    }
  });
}

/** V1: clients, then for each its ranges as clock and length. */
function writeDeleteSet(encoder: encoding.Encoder, deletions: DeleteRanges): void {
  encoding.writeVarUint(encoder, deletions.size);
  for (const [client, ranges] of deletions) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, ranges.length);
    for (const { clock, len } of ranges) {
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarUint(encoder, len);
    }
  }
}
