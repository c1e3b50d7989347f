import { test as base, type Page } from "@playwright/test";
import { startViteHarness, type ViteHarness } from "../../support/vite-harness.ts";

/** Tests of editors on a page of their own; the page fails the test when it logs an error. */
export const test = base.extend<{ editors: Page }, { harness: ViteHarness }>({
  harness: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures here
    async ({}, use) => {
      const harness = await startViteHarness("tests/e2e/editor/harness");
      await use(harness);
      await harness.close();
    },
    { scope: "worker" },
  ],
  editors: async ({ page, harness }, use) => {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.goto(harness.url);
    await page.waitForFunction(() => "harness" in globalThis);
    await use(page);
    if (errors.length > 0) throw new Error(`The page logged errors:\n${errors.join("\n")}`);
  },
});

/** The words of a stream that any test can tell apart: w1 w2 w3 … */
export function numberedWords(count: number): string[] {
  return Array.from({ length: count }, (_, index) => ` w${index + 1}`);
}
