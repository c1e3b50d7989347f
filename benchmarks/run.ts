import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { printTable, type Report } from "./report.ts";

// `npm run bench -- NAME [--json] [--full]`: measures and says; it never fails a build.
// `--full` takes as long as the promise is large: the million frames of `guard`, which are 100,000 without.
const notBenchmarks = [
  "run.ts",
  "report.ts",
  "random-model.ts",
  "random-tokenizer.ts",
  "performance.ts",
];
const [name = "", ...flags] = process.argv.slice(2);
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && !notBenchmarks.includes(file))
  .map((file) => file.replace(/\.ts$/, ""));

if (!names.includes(name) || !existsSync(join(import.meta.dirname, `${name}.ts`))) {
  console.error(`Name one of the benchmarks: ${names.join(", ")}`);
  console.error("--full: guard tries its million frames, not 100,000. --json: for machines.");
  process.exit(2);
}
// Each benchmark exports `run`; the import is by name, so its type is stated here.
const benchmark = (await import(`./${name}.ts`)) as {
  run(options: { full: boolean }): Promise<Report>;
};
const report = await benchmark.run({ full: flags.includes("--full") });
if (flags.includes("--json")) console.log(JSON.stringify(report));
else printTable(report);
// `faults` is the one that judges: what was lost is a failure.
const lost = name === "faults" && report.rows.some((row) => /lost/.test(row.what) && !row.holds);
process.exit(lost ? 1 : 0);
