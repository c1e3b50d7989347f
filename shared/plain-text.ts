/**
 * Text as the product keeps it: line feeds alone end lines, and neither `\0` (Postgres refuses it)
 * nor half a surrogate pair (UTF-8 has no form for it) is in it.
 */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replaceAll("\0", "")
    .replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** Clean text on one line, without space around it. */
export function cleanLine(text: string): string {
  return cleanText(text)
    .replace(/\s*[\n\u2028\u2029\t]\s*/g, " ")
    .trim();
}
