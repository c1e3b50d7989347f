import type { Delta } from "./delta.ts";
import { pairBoundary } from "./surrogates.ts";

/** The smallest single replacement that turns `before` into `after`; empty where they are equal. */
export function textDifference(before: string, after: string): Delta {
  if (before === after) return [];
  const shorter = Math.min(before.length, after.length);
  let prefix = 0;
  while (prefix < shorter && before[prefix] === after[prefix]) prefix++;
  prefix = Math.min(pairBoundary(before, prefix), pairBoundary(after, prefix));
  let suffix = 0;
  while (suffix < shorter - prefix && before.at(-1 - suffix) === after.at(-1 - suffix)) suffix++;
  const cutsPair = (text: string) =>
    pairBoundary(text, text.length - suffix) < text.length - suffix;
  if (suffix > 0 && (cutsPair(before) || cutsPair(after))) suffix--;
  const insert = after.slice(prefix, after.length - suffix);
  const deleted = before.length - suffix - prefix;
  return [
    ...(prefix > 0 ? [{ retain: prefix }] : []),
    ...(insert === "" ? [] : [{ insert }]),
    ...(deleted > 0 ? [{ delete: deleted }] : []),
  ];
}

/** Where `offset` is after `delta`; what was inserted exactly there stays behind it. */
export function mapOffset(offset: number, delta: Delta): number {
  let at = 0;
  let mapped = offset;
  for (const { retain = 0, insert = "", delete: deleted = 0 } of delta) {
    at += retain;
    if (at >= mapped) return mapped;
    mapped += insert.length - Math.min(deleted, mapped - at);
    at += insert.length;
  }
  return mapped;
}
