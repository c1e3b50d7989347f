import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureBrowser } from "./browser.mjs";
import { ensureBuilt, ensureCompiled } from "./build.mjs";
import { ensureInstalled, root } from "./install.mjs";
import { runStep, staticSteps } from "./steps.mjs";

// `npm test`: everything, on a fresh clone too. `npm run test:long` takes the long way through the
// fuzzers and the fault tests. The last line is always `N passed, N failed`.
ensureInstalled();
const long = process.argv.includes("--long");
const cache = join(root, ".cache");
mkdirSync(cache, { recursive: true });
const tally = { passed: 0, failed: 0 };

function add(passed, failed) {
  tally.passed += passed;
  tally.failed += failed;
}

/** Counts a suite's tests from its report; a suite that died without one counts as one failure. */
function addReport(file, ok, count) {
  try {
    const { passed, failed } = count(JSON.parse(readFileSync(file, "utf8")));
    add(passed, ok ? failed : Math.max(failed, 1));
  } catch {
    add(0, 1);
  }
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
  addReport(report, ok, (r) => ({ passed: r.numPassedTests, failed: r.numFailedTests }));
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
  addReport(report, ok, ({ stats }) => ({
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected,
  }));
}

for (const step of staticSteps) add(...(runStep(step) ? [1, 0] : [0, 1]));
vitest("unit");
ensureBuilt();
ensureCompiled();
vitest("integration");
await browserTests();

const summary = `${tally.passed} passed, ${tally.failed} failed`;
writeFileSync(join(cache, "test-summary"), `${summary}\n`);
console.log(summary);
process.exitCode = tally.failed === 0 ? 0 : 1;
