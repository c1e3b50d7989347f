import { join } from "node:path";
import { readModelCard } from "../model-card.ts";

/** The small model that ships. */
export const talesFolder = join(import.meta.dirname, "../../../models/tales");
export const talesCard = readModelCard(talesFolder);

/** Some token ids, always the same for the same arguments. */
export function someTokens(length: number, salt = 0): number[] {
  return Array.from({ length }, (_, i) => (i * 7919 + salt * 104_729 + 11) % 4095);
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Infinity))),
    0,
  );
}
