import { test as base, type ConsoleMessage, type Page } from "@playwright/test";
import { startViteHarness, type ViteHarness } from "../../support/vite-harness.ts";

/**
 * Tests of editors on a page of their own; the page fails the test when it logs an error. It is opened
 * once for all tests of a worker, each of which opens editors anew; a failure ends the worker.
 */
export const test = base.extend<{ editors: Page }, { harness: ViteHarness; harnessPage: Page }>({
  harness: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures here
    async ({}, use) => {
      const harness = await startViteHarness("tests/e2e/editor/harness");
      await use(harness);
      await harness.close();
    },
    { scope: "worker" },
  ],
  harnessPage: [
    async ({ browser, harness }, use) => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      await page.goto(harness.url);
      await page.waitForFunction(() => "harness" in globalThis);
      await use(page);
      await page.close();
    },
    { scope: "worker" },
  ],
  editors: async ({ harnessPage }, use) => {
    const errors: string[] = [];
    const onPageError = (error: Error) => void errors.push(error.message);
    const onConsole = (message: ConsoleMessage) => {
      if (message.type() === "error") errors.push(message.text());
    };
    harnessPage.on("pageerror", onPageError);
    harnessPage.on("console", onConsole);
    await use(harnessPage);
    await harnessPage.evaluate(() => harness.close());
    await harnessPage.emulateMedia({ reducedMotion: "no-preference" });
    harnessPage.off("pageerror", onPageError);
    harnessPage.off("console", onConsole);
    if (errors.length > 0) throw new Error(`The page logged errors:\n${errors.join("\n")}`);
  },
});

/** The words of a stream that any test can tell apart: w1 w2 w3 … */
export function numberedWords(count: number): string[] {
  return Array.from({ length: count }, (_, index) => ` w${index + 1}`);
}
