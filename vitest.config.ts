import { defineConfig } from "vitest/config";

/** Two projects: unit tests beside their files, integration tests that start real services. */
export default defineConfig({
  test: {
    // Integration tests wait for servers more than they compute.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "unit",
          include: ["{server,client,shared,migrations}/**/*.test.{ts,tsx}", "tests/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["tests/integration/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // A shared machine can starve a server for seconds; what fails twice is broken.
          retry: process.env.CI === undefined ? 0 : 1,
        },
      },
    ],
  },
});
