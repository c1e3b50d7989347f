/**
 * The model's text as the document may hold it: no control characters (Postgres has no NUL, a
 * terminal obeys the others), no carriage returns, and one kind of line break.
 */
export function visibleText(text: string): string {
  return text
    .replaceAll("\r", "")
    .replace(/(?![\t\n])\p{Cc}/gu, "\uFFFD")
    .replace(/[\u2028\u2029]/g, "\n");
}
