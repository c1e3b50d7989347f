/** The statements of a text, and what stands behind the last `;`: not ended yet. */
export interface SplitText {
  statements: string[];
  rest: string;
}

/** Comments, quoted text, quoted names, dollar-quoted text: a `;` in them ends nothing. */
const wholePart =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/
    .source;
/** The beginning of such a part that does not end in this text: all the rest belongs to it. */
const openPart = /\/\*|'|"|\$\w*\$/.source;

/**
 * Splits SQL at its semicolons. It is for convenience alone: the database is given one statement at a
 * time in a way that it refuses two.
 */
export function splitStatements(text: string): SplitText {
  const statements: string[] = [];
  let start = 0;
  for (const part of text.matchAll(new RegExp(`${wholePart}|(?<open>${openPart})|;`, "g"))) {
    if (part.groups?.open !== undefined) break;
    if (part[0] !== ";") continue;
    statements.push(text.slice(start, part.index).trim());
    start = part.index + 1;
  }
  return { statements: statements.filter(saysSomething), rest: text.slice(start).trimStart() };
}

/** Comments alone are no statement. */
export function saysSomething(statement: string): boolean {
  return statement.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, "").trim() !== "";
}
