import type { Delta, DeltaOperation } from "./delta.ts";
import { pairBoundary } from "./surrogates.ts";

/**
 * How much one transaction may write: an update frame of 256 KB is the most the server takes, a
 * UTF-16 unit is at most three bytes of it, and an attribute change on both sides about eighty.
 */
export const transactionLimits = { units: 64 * 1024, bytes: 200 * 1024 } as const;
const bytesPerUnit = 3;
const bytesPerOperation = 80;

/** Deltas that, one after the other, do what `delta` does, each small enough for one update frame. */
export function splitDelta(
  delta: Delta,
  limits: SplitLimits = transactionLimits,
): DeltaOperation[][] {
  const parts: DeltaOperation[][] = [];
  let part: DeltaOperation[] = [];
  let offset = 0;
  let units = 0;
  let bytes = 0;
  const close = () => {
    if (part.length > 0) parts.push(part);
    part = offset > 0 ? [{ retain: offset }] : [];
    units = 0;
    bytes = 0;
  };
  for (const piece of delta.flatMap((operation) => cutInsert(operation, limits.units))) {
    const size = piece.insert?.length ?? 0;
    const cost = size * bytesPerUnit + bytesPerOperation;
    if (units > 0 && (units + size > limits.units || bytes + cost > limits.bytes)) close();
    part.push(piece);
    units += size;
    bytes += cost;
    offset += size + (piece.retain ?? 0);
  }
  if (part.some((operation) => operation.retain === undefined || operation.attributes)) {
    parts.push(part);
  }
  return parts;
}

interface SplitLimits {
  units: number;
  bytes: number;
}

/** An insert in pieces of at most `units`, never through a surrogate pair. */
function cutInsert(operation: DeltaOperation, units: number): DeltaOperation[] {
  const { insert } = operation;
  if (insert === undefined || insert.length <= units) return [operation];
  const pieces: DeltaOperation[] = [];
  for (let start = 0; start < insert.length; ) {
    const end = pairBoundary(insert, Math.min(start + units, insert.length));
    pieces.push({ ...operation, insert: insert.slice(start, end) });
    start = end;
  }
  return pieces;
}
