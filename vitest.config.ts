import { basename } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { compiledProcesses } from "./tests/support/compiled-server.ts";

/** The files that take longest, in order: begun last, one of them would run on with one core idle. */
const longest = [
  "kill",
  "start",
  "access-account",
  "access-throttles",
  "database-pglite",
  "sync-guard-fuzz",
  "engine-lost",
  "bad-input",
  "admin-models",
  "attacks-injection",
  "sync-fuzz",
  "attacks-objects",
  "access-data",
  "cli",
  "soak",
  "dev",
  "access-throttles-sync",
  "access-admission",
];

/** Vitest knows how long a file takes only from its last run, which a fresh clone has not had. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((one, other) => placeOf(one) - placeOf(other));
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = longest.indexOf(basename(moduleId, ".test.ts"));
  return place === -1 ? longest.length : place;
}

/** A shared machine can starve a process for seconds; what fails twice is broken. */
const retry = process.env.CI === undefined ? 0 : 1;

/** Two projects: unit tests beside their files, integration tests that start real services. */
export default defineConfig({
  test: {
    // Integration tests wait for servers more than they compute.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        plugins: [compiledProcesses()],
        test: {
          name: "unit",
          include: ["{server,client,shared,migrations}/**/*.test.{ts,tsx}", "tests/*.test.ts"],
          // Engines give way to whatever else computes: beside that a text takes ten times as long.
          testTimeout: 60_000,
          retry,
          setupFiles: ["tests/support/patience.ts"],
        },
      },
      {
        plugins: [compiledProcesses()],
        test: {
          name: "integration",
          include: ["tests/integration/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          globalSetup: ["tests/support/prepare-run.ts"],
          setupFiles: ["tests/support/patience.ts"],
          // Files share the server's modules, which hold no state: importing them takes seconds.
          isolate: false,
          // What a test waits for comes at once or not at all, but a machine may be starved.
          expect: { poll: { timeout: 15_000 } },
          retry,
        },
      },
    ],
  },
});
