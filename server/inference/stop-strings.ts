/** Where a text has to be cut for the sake of stop strings. */
export interface StopPosition {
  /** UTF-16 units from the start that no stop string can claim any more. */
  safeLength: number;
  /** Whether a stop string stands right after them; else one may be growing there. */
  complete: boolean;
}

/** Finds the first complete stop string, or else the longest end of the text that may become one. */
export function findStop(text: string, stopStrings: readonly string[]): StopPosition {
  const wellFormed = stopStrings.filter((stop) => !/\p{Surrogate}/u.test(stop));
  const starts = wellFormed.map((stop) => text.indexOf(stop)).filter((start) => start !== -1);
  if (starts.length > 0) return { safeLength: Math.min(...starts), complete: true };
  const growing = wellFormed.map((stop) => lengthOfGrowingStop(text, stop));
  return { safeLength: text.length - Math.max(0, ...growing), complete: false };
}

/** Length of the longest proper beginning of `stop` that the text ends with. */
function lengthOfGrowingStop(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length)) && endsBetweenCharacters(stop, length)) return length;
  }
  return 0;
}

function endsBetweenCharacters(text: string, length: number): boolean {
  return !/[\uD800-\uDBFF]$/.test(text.slice(0, length));
}
