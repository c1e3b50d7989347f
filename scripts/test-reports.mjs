import { relative } from "node:path";
import { root } from "./install.mjs";

/**
 * What a suite's report says: how many tests passed, and a line for each that failed and for each
 * that passed only on a second try.
 *
 * @typedef {{ passed: number, failed: string[], retried: string[] }} SuiteReport
 */

/** @returns {SuiteReport} */
export function noReport() {
  return { passed: 0, failed: [], retried: [] };
}

/** Reads Vitest's JSON report. @returns {SuiteReport} */
export function readVitest({ testResults }) {
  const report = noReport();
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative(root, name);
    const failedBefore = report.failed.length;
    for (const test of assertionResults) {
      const line = `${file} › ${test.fullName}: ${firstLine(test.failureMessages[0])}`;
      if (test.status === "failed") report.failed.push(line);
      if (test.status !== "passed") continue;
      report.passed += 1;
      if (test.failureMessages.length > 0) report.retried.push(line);
    }
    if (status === "failed" && report.failed.length === failedBefore) {
      report.failed.push(`${file}: ${firstLine(message)}`);
    }
  }
  return report;
}

/** Reads Playwright's JSON report. @returns {SuiteReport} */
export function readPlaywright({ suites, errors }) {
  const report = noReport();
  report.failed.push(...errors.map(({ message }) => firstLine(message)));
  for (const spec of suites.flatMap(specsOf)) {
    for (const test of spec.tests) {
      const error = test.results.find(({ status }) => status !== "passed")?.error;
      const line = `${spec.file}:${spec.line} › ${spec.title}: ${firstLine(error?.message)}`;
      if (test.status === "unexpected") report.failed.push(line);
      if (test.status === "expected" || test.status === "flaky") report.passed += 1;
      if (test.status === "flaky") report.retried.push(line);
    }
  }
  return report;
}

function specsOf({ specs = [], suites = [] }) {
  return [...specs, ...suites.flatMap(specsOf)];
}

function firstLine(message) {
  const [line] = (message ?? "no reason given").trim().split("\n", 1);
  // What Vitest's report has in place of a time limit's message.
  return line.includes("STACK_TRACE_ERROR") ? "it ran into its time limit" : line;
}
