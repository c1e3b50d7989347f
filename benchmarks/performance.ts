import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { drawRates, type Point } from "./peers/draw.ts";
import type { Report, Row } from "./report.ts";

// `npx tsx benchmarks/performance.ts FILE`: puts what `npm run bench -- engine --json > FILE` has
// measured into docs/performance.md, and draws its plot. Needs what benchmarks/peers installs.
const docs = resolve(import.meta.dirname, "../docs");
const begin = "<!-- measured: begin -->";
const end = "<!-- measured: end -->";

const reportSchema = z.object({
  bench: z.literal("engine"),
  machine: z.string(),
  rows: z.array(
    z.object({
      what: z.string(),
      unit: z.string(),
      // JSON has no number for what was not measured.
      ours: z.number().nullable(),
      peers: z.record(z.string(), z.number()).optional(),
      target: z.string(),
      holds: z.boolean(),
    }),
  ),
});

const sections = [
  { title: "Eight bits", prefix: "int8: " },
  { title: "Thirty-two bits", prefix: "fp32: " },
  { title: "The model that ships", prefix: "tales: " },
  { title: "In all", prefix: "" },
] as const;

/** The last line of the file is the report; what npm says stands before it. */
async function readReport(path: string): Promise<Report> {
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  const report = reportSchema.parse(JSON.parse(lines.at(-1) ?? ""));
  const rows = report.rows.map(({ ours, peers, ...row }) => ({
    ...row,
    ours: ours ?? Number.NaN,
    ...(peers === undefined ? {} : { peers }),
  }));
  return { ...report, rows };
}

function writeSections({ machine, rows }: Report): string {
  const today = new Date().toISOString().slice(0, 10);
  const rest = new Set(rows);
  const tables = sections.map(({ title, prefix }) => {
    const own = [...rest].filter(({ what }) => what.startsWith(prefix));
    for (const row of own) rest.delete(row);
    return own.length === 0 ? "" : `### ${title}\n\n${tableOf(own, prefix)}\n`;
  });
  const plot = "![Tokens a second against documents that are written at once](performance.svg)";
  return [`Measured on ${today}: ${machine}.`, plot, ...tables].filter(Boolean).join("\n\n");
}

function tableOf(rows: readonly Row[], prefix: string): string {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.peers ?? {})))];
  const header = ["", "unit", "ours", ...peers, "target", "holds"];
  const lines = rows.map((row) => [
    row.what.slice(prefix.length),
    row.unit,
    Number.isNaN(row.ours) ? "" : `**${shown(row.ours)}**`,
    ...peers.map((peer) => shown(row.peers?.[peer])),
    row.target,
    row.holds ? "yes" : "no",
  ]);
  const rule = header.map((_, column) => (column < 2 ? "---" : "--:"));
  return [header, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function shown(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

const ours = ["Palimpsest int8", "Palimpsest fp32"] as const;

function pointsOf(rows: readonly Row[]): Point[] {
  return rows.flatMap((row) => {
    const [, bits, documents] = /^(int8|fp32): (\d+) ragged/.exec(row.what) ?? [];
    if (documents === undefined) return [];
    const own = bits === "int8" ? ours[0] : ours[1];
    const all = { [own]: row.ours, ...row.peers };
    return Object.entries(all).map(([series, rate]) => ({
      series,
      documents: Number(documents),
      rate,
    }));
  });
}

async function replaceMeasured(text: string): Promise<void> {
  const path = join(docs, "performance.md");
  const page = await readFile(path, "utf8");
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${path} has lost its marks ${begin} and ${end}.`);
  await writeFile(path, `${before}${begin}\n\n${text}\n${end}${after}`);
  const biome = resolve(docs, "../node_modules/@biomejs/biome/bin/biome");
  spawnSync(process.execPath, [biome, "format", "--write", path], { stdio: "inherit" });
}

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("Name the file that `npm run bench -- engine --json` has written.");
  process.exit(2);
}
const report = await readReport(file);
await replaceMeasured(writeSections(report));
const points = pointsOf(report.rows);
const order = [...ours, ...new Set(points.map(({ series }) => series))];
points.sort((a, b) => order.indexOf(a.series) - order.indexOf(b.series));
await writeFile(join(docs, "performance.svg"), await drawRates(points, ours));
