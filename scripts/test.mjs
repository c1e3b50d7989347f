import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureBrowser } from "./browser.mjs";
import { ensureBuilt, ensureCompiled } from "./build.mjs";
import { ensureInstalled, root } from "./install.mjs";
import { runStep, staticSteps } from "./steps.mjs";
import { noReport, readPlaywright, readVitest } from "./test-reports.mjs";

// `npm test`: everything, on a fresh clone too. `npm run test:long` takes the long way through the
// fuzzers and the fault tests. At the end stand the tests that failed and those that passed only on
// a second try, for a log may be cut above them; the last line is always `N passed, N failed`.
ensureInstalled();
const long = process.argv.includes("--long");
const cache = join(root, ".cache");
mkdirSync(cache, { recursive: true });
const tally = { passed: 0, failed: 0 };
const closing = [];

/** Counts a suite's tests from its report; a suite that died without one counts as one failure. */
function addReport(name, file, ok, read) {
  let report = noReport();
  try {
    report = read(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    console.error(`${name}: no report of its tests: ${error.message}`);
  }
  const { passed, failed, retried } = report;
  if (!ok && failed.length === 0) failed.push("the suite ended with an error outside its tests");
  tally.passed += passed;
  tally.failed += failed.length;
  closing.push(...failed.map((line) => `✗ ${name}: ${line}`));
  closing.push(...retried.map((line) => `↻ ${name}, passed on a second try: ${line}`));
}

const longEnv = long ? { TEST_LONG: "1", FUZZ_SEEDS: process.env.FUZZ_SEEDS ?? "2000" } : {};

function vitest(project) {
  const report = join(cache, `${project}.json`);
  rmSync(report, { force: true });
  const ok = runStep({
    name: project,
    command: [
      process.execPath,
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ],
    env: longEnv,
  });
  addReport(project, report, ok, readVitest);
}

async function browserTests() {
  const report = join(cache, "browser.json");
  rmSync(report, { force: true });
  const ok = runStep({
    name: "browser",
    command: [process.execPath, join(root, "node_modules/@playwright/test/cli.js"), "test"],
    env: {
      ...longEnv,
      CHROMIUM_PATH: await ensureBrowser(),
      PLAYWRIGHT_JSON_OUTPUT_FILE: report,
    },
  });
  addReport("browser", report, ok, readPlaywright);
}

for (const step of staticSteps) {
  if (runStep(step)) tally.passed += 1;
  else {
    tally.failed += 1;
    closing.push(`✗ ${step.name}`);
  }
}
vitest("unit");
ensureBuilt();
ensureCompiled();
vitest("integration");
await browserTests();

const summary = `${tally.passed} passed, ${tally.failed} failed`;
writeFileSync(join(cache, "test-summary"), `${summary}\n`);
console.log([...closing, summary].join("\n"));
process.exitCode = tally.failed === 0 ? 0 : 1;
