/**
 * Text that cannot pretend to be more than one line, whatever shows it: control characters (line
 * feeds, terminal escapes), line separators and marks that turn the reading direction become U+FFFD.
 */
export function printableLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu,
    "\uFFFD",
  );
}
