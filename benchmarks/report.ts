import { cpus, totalmem } from "node:os";

/** One line of a benchmark: what was measured, beside its peers and its target, in one run. */
export interface Row {
  what: string;
  unit: string;
  ours: number;
  peers?: Record<string, number>;
  /** As written in the issue, for example "≤ 9.5". */
  target: string;
  holds: boolean;
}

export interface Report {
  bench: string;
  machine: string;
  rows: Row[];
}

/** The machine in one line, so that a figure is never quoted without it. */
export function machine(): string {
  const [first] = cpus();
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${first?.model.trim() ?? "unknown"}, ${memoryGb} GB, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}

/** The value below which the share `p` (0–1) of the samples lies; NaN for none. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5);

/** A row whose target is an upper limit. */
export function atMost(what: string, unit: string, ours: number, limit: number): Row {
  return { what, unit, ours, target: `≤ ${limit}`, holds: ours <= limit };
}

/** A row whose target is a lower limit. */
export function atLeast(what: string, unit: string, ours: number, limit: number): Row {
  return { what, unit, ours, target: `≥ ${limit}`, holds: ours >= limit };
}

const shown = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(3));

/** Prints a report as a table for people. */
export function printTable(report: Report): void {
  const peers = [...new Set(report.rows.flatMap((row) => Object.keys(row.peers ?? {})))];
  const header = ["what", "unit", "ours", ...peers, "target", ""];
  const lines = report.rows.map((row) => [
    row.what,
    row.unit,
    shown(row.ours),
    ...peers.map((peer) => (row.peers?.[peer] === undefined ? "" : shown(row.peers[peer]))),
    row.target,
    row.holds ? "holds" : "MISSED",
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  );
  const print = (cells: string[]) =>
    console.log(cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  console.log(`${report.bench} · ${report.machine}`);
  print(header);
  for (const line of lines) print(line);
}
