/** Half a character outside the basic plane, on its own: UTF-8 has no bytes for it. */
const loneSurrogate = /\p{Surrogate}/gu;

/** Whether the UTF-16 unit is the second half of a pair. */
export function isLowSurrogate(unit: string | undefined): boolean {
  return unit !== undefined && unit >= "\udc00" && unit <= "\udfff";
}

/** `text` with U+FFFD for each lone surrogate, as every other client will get it anyway. */
export function wellFormed(text: string): string {
  return text.replace(loneSurrogate, "\ufffd");
}

/** The index at or before `index` that does not cut a surrogate pair of `text`. */
export function pairBoundary(text: string, index: number): number {
  const before = text[index - 1];
  const cuts =
    isLowSurrogate(text[index]) && before !== undefined && before >= "\ud800" && before <= "\udbff";
  return cuts ? index - 1 : index;
}
