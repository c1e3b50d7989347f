/**
 * The model's text as the document may hold it: no NUL (Postgres has no such character), no
 * carriage returns, and one kind of line break.
 */
export function visibleText(text: string): string {
  return text
    .replaceAll("\0", "\uFFFD")
    .replaceAll("\r", "")
    .replace(/[\u2028\u2029]/g, "\n");
}
