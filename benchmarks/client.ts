import { existsSync } from "node:fs";
import { chromium } from "@playwright/test";
import { startViteHarness } from "../tests/support/vite-harness.ts";
import { atMost, machine, median, percentile, type Report, type Row } from "./report.ts";

const flushes = 400;
const flushIntervalMs = 40;
const targetMs = 4;
/** About four tokens a flush. */
const stream = {
  words: Array.from({ length: flushes }, (_, index) => ` word${index} and so on`),
  intervalMs: flushIntervalMs,
};

/** What one flush of a streaming run costs the page's main thread, in Chromium, applied and laid out. */
export async function run({ full }: { full: boolean }): Promise<Report> {
  // The product as it ships: React's production build, and no checks for developers.
  process.env.NODE_ENV = "production";
  const served = await startViteHarness("tests/e2e/editor/harness");
  const browser = await chromium.launch(launchOptions());
  try {
    const page = await browser.newPage();
    await page.goto(served.url);
    await page.waitForFunction(() => "harness" in globalThis);
    const rows: Row[] = [];
    for (const characters of full ? [50_000, 100_000, 200_000] : [50_000]) {
      await page.evaluate((text) => harness.open({ text, people: 1 }), manuscriptOf(characters));
      const costs = await page.evaluate(async (options) => {
        await harness.stream({ ...options, offset: harness.text().length - 1 });
        return harness.flushCosts();
      }, stream);
      rows.push(...rowsOf(characters, costs));
    }
    return { bench: "client", machine: machine(), rows };
  } finally {
    await browser.close();
    await served.close();
  }
}

function rowsOf(characters: number, costs: readonly number[]): Row[] {
  // The first flushes still compile.
  const warm = costs.slice(20);
  const what = `flush at ${characters.toLocaleString("en")} characters`;
  return [
    atMost(`${what}, median`, "ms", median(warm), targetMs),
    atMost(`${what}, p99`, "ms", percentile(warm, 0.99), targetMs),
  ];
}

/** Paragraphs of ordinary length, as a story has them. */
function manuscriptOf(characters: number): string {
  const sentence = "The bear went down to the river and looked at the water for a while. ";
  const paragraph = `${sentence.repeat(6).trim()}\n`;
  return paragraph
    .repeat(Math.ceil(characters / paragraph.length))
    .slice(0, characters - 1)
    .concat("\n");
}

function launchOptions() {
  const installed = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const executablePath = process.env.CHROMIUM_PATH ?? installed.find((path) => existsSync(path));
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return executablePath === undefined ? { args } : { executablePath, args };
}
