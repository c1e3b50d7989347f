import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const installed = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM_PATH ?? installed.find((path) => existsSync(path));
const isRoot = process.getuid?.() === 0;

/** Browser tests: the editor's core on a page of its own, and the product's story in three browsers. */
export default defineConfig({
  outputDir: "test-results",
  globalSetup: "./tests/e2e/build-page.mjs",
  timeout: 60_000,
  expect: { timeout: 10_000 },
  workers: 2,
  // A shared machine can starve a browser for seconds; what fails twice is broken.
  retries: process.env.CI === undefined ? 0 : 1,
  forbidOnly: process.env.CI !== undefined,
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE
    ? [["list"], ["json", { outputFile: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE }]]
    : [["list"]],
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    launchOptions: {
      ...(executablePath === undefined ? {} : { executablePath }),
      args: [
        ...(isRoot ? ["--no-sandbox"] : []),
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
  projects: [
    // Together, for a project's first test loads the server; the short ones last, so that at the end
    // both workers have work.
    { name: "product", testDir: "tests/e2e", testIgnore: "editor/**" },
    { name: "editor", testDir: "tests/e2e/editor" },
  ],
});
