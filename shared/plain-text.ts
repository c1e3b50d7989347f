/**
 * Text as the product keeps it: line feeds alone end lines, and neither a control character (a
 * terminal obeys them, Postgres refuses `\0`) nor half a surrogate pair (UTF-8 has no form for it)
 * is in it. What joins or turns letters (zero width, right to left) stays: writing needs it.
 */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?|[\v\f\u0085]/g, "\n")
    .replace(/(?![\t\n])\p{Cc}/gu, "")
    .replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** Whether the text holds a control character other than a line feed or a tab. */
export function hasControlCharacter(text: string): boolean {
  return /(?![\t\n])\p{Cc}/u.test(text);
}

/**
 * Clean text on one line, without space around it. Marks that turn the direction of all that comes
 * after them go: a name or a title stands among other people's words.
 */
export function cleanLine(text: string): string {
  return cleanText(text)
    .replace(/\s*[\n\u2028\u2029\t]\s*/g, " ")
    .replace(/[\u202A-\u202E\u2066-\u2069]/g, "")
    .trim();
}
