/** Half a character outside the basic plane, on its own: UTF-8 has no bytes for it. Or a control character. */
const unsendable = /\p{Surrogate}|(?![\t\n])\p{Cc}/gu;

/** Whether the UTF-16 unit is the second half of a pair. */
export function isLowSurrogate(unit: string | undefined): boolean {
  return unit !== undefined && unit >= "\udc00" && unit <= "\udfff";
}

/** `text`, as long as it was, with U+FFFD for each lone surrogate and for what the server refuses. */
export function wellFormed(text: string): string {
  return text.replace(unsendable, "\ufffd");
}

/** The index at or before `index` that does not cut a surrogate pair of `text`. */
export function pairBoundary(text: string, index: number): number {
  const before = text[index - 1];
  const cuts =
    isLowSurrogate(text[index]) && before !== undefined && before >= "\ud800" && before <= "\udbff";
  return cuts ? index - 1 : index;
}
