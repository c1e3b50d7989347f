import { printableLine } from "#shared/printable-line.ts";

/** What a statement gave. */
export interface StatementResult {
  columns: readonly string[];
  rows: readonly (readonly unknown[])[];
  /** The server's own word: SELECT, UPDATE … */
  command: string;
  /** Rows that it gave or changed. */
  count: number;
}

const maxRows = 1_000;
const maxCellCharacters = 200;

/** The result as lines of an aligned table; what is in it cannot speak to the terminal. */
export function formatResult({ columns, rows, command, count }: StatementResult): string {
  if (columns.length === 0) return `${command} ${count}`;
  const cells = rows.slice(0, maxRows).map((row) => row.map(formatCell));
  const head = columns.map(formatCell);
  const widths = head.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(" | ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("-+-");
  return [line(head), rule, ...cells.map(line), footer(rows.length)].join("\n");
}

function footer(count: number): string {
  const rows = `(${count} ${count === 1 ? "row" : "rows"})`;
  return count > maxRows ? `${rows}: the first ${maxRows} are shown` : rows;
}

function formatCell(value: unknown): string {
  const text = printableLine(toText(value));
  return text.length <= maxCellCharacters ? text : `${text.slice(0, maxCellCharacters - 1)}…`;
}

function toText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  return JSON.stringify(value);
}

/** A database's refusal in its own words, with the place in the statement marked. */
export function formatFailure(error: unknown, statement: string): string {
  if (!(error instanceof Error)) return `ERROR: ${printableLine(String(error))}`;
  const { position, hint, detail } = error as {
    position?: unknown;
    hint?: unknown;
    detail?: unknown;
  };
  const more = [
    ...(typeof position === "string" ? markPlace(statement, Number(position) - 1) : []),
    ...(typeof detail === "string" ? [`DETAIL: ${printableLine(detail)}`] : []),
    ...(typeof hint === "string" ? [`HINT: ${printableLine(hint)}`] : []),
  ];
  return [`ERROR: ${printableLine(error.message)}`, ...more].join("\n");
}

/** The line with the place, and a mark below it. The database counts code points. */
function markPlace(statement: string, offset: number): string[] {
  const before = Array.from(statement).slice(0, offset).join("").split("\n");
  const line = statement.split("\n")[before.length - 1] ?? "";
  const label = `LINE ${before.length}: `;
  const column = Array.from(before.at(-1) ?? "").length;
  return [label + printableLine(line), `${" ".repeat(label.length + column)}^`];
}
