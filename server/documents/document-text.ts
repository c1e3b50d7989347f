import type * as Y from "yjs";
import { cleanLine } from "#shared/plain-text.ts";
import { sharedTypes } from "#shared/sync-protocol.ts";
import { replaceText } from "./text-difference.ts";

const titleMaxCharacters = 200;
const excerptMaxCharacters = 160;

/** The body as plain text: without the final line feed, which belongs to the shared text alone. */
export function bodyOf(doc: Y.Doc): string {
  const text = doc.getText(sharedTypes.body).toString();
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/** The title as lists show it: one line, never empty. */
export function titleOf(doc: Y.Doc): string {
  const line = cleanLine(doc.getText(sharedTypes.title).toString());
  return shorten(line, titleMaxCharacters) || "Untitled";
}

/** The first line of the body that has text; "" where there is none. */
export function excerptOf(doc: Y.Doc): string {
  const firstLine = /\S[^\n]*/.exec(doc.getText(sharedTypes.body).toString())?.[0] ?? "";
  return shorten(cleanLine(firstLine), excerptMaxCharacters);
}

/** Writes the first title and body of a new document, whose body may hold its final line feed already. */
export function writeFirstText(doc: Y.Doc, title: string, body: string): void {
  doc.getText(sharedTypes.title).insert(0, title);
  const text = doc.getText(sharedTypes.body);
  text.insert(0, text.length === 0 ? `${body}\n` : body);
}

/** A run of text with one formatting. */
interface FormattedText {
  insert: string;
  attributes: Record<string, unknown>;
}

/** The body's text and formatting as they would be if people had written all of it. */
export function formattedBodyOf(doc: Y.Doc): FormattedText[] {
  return doc
    .getText(sharedTypes.body)
    .toDelta()
    .map(
      ({ insert, attributes = {} }: { insert: string; attributes?: Record<string, unknown> }) => {
        const { run: _run, ...formatting } = attributes;
        return { insert, attributes: formatting };
      },
    );
}

/** Writes the first title of a new document, and the body of another one. */
export function writeFirstCopy(doc: Y.Doc, title: string, body: readonly FormattedText[]): void {
  doc.getText(sharedTypes.title).insert(0, title);
  const text = doc.getText(sharedTypes.body);
  const last = body.at(-1);
  if (text.length === 0 || last === undefined) {
    text.applyDelta([...body]);
    return;
  }
  // The new document has its final line feed already; it takes the formatting of the other one's.
  const rest = { ...last, insert: last.insert.slice(0, -1) };
  const written = [...body.slice(0, -1), ...(rest.insert === "" ? [] : [rest])];
  text.applyDelta([...written, { retain: 1, attributes: last.attributes }]);
}

/** Changes the title by its smallest difference. */
export function writeTitle(doc: Y.Doc, title: string): void {
  replaceText(doc.getText(sharedTypes.title), title);
}

/** At most `length` UTF-16 units, never half a surrogate pair. */
function shorten(line: string, length: number): string {
  if (line.length <= length) return line;
  return line
    .slice(0, length)
    .replace(/[\uD800-\uDBFF]$/, "")
    .trimEnd();
}
