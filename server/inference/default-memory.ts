import { totalmem } from "node:os";

const share = 1 / 8;
const leastMb = 256;

/**
 * Megabytes for keys and values where nothing is set: an eighth of the memory that this machine, or
 * the container that the process runs in, has; the rest is for weights, texts and the database.
 */
export function defaultMemoryMb(): number {
  // 0, or more than there is, where nothing constrains the process.
  const constrained = process.constrainedMemory() || Infinity;
  const megabytes = Math.min(totalmem(), constrained) / 2 ** 20;
  return Math.max(leastMb, Math.floor(megabytes * share));
}
