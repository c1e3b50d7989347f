import type { Browser, BrowserContext, Locator, Page } from "@playwright/test";
import { expect } from "@playwright/test";
import { demonstrationPassword } from "../../support/person.ts";

/** A signed-in person in a browser context of their own. */
export interface Visitor {
  context: BrowserContext;
  page: Page;
  manuscript: Locator;
  /** The manuscript's text as the page shows it, paragraphs joined by "\n". */
  text(): Promise<string>;
  openDocument(title: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a browser context and signs in through the page. */
export async function visit(
  browser: Browser,
  url: string,
  email: string,
  options: { width?: number; height?: number; password?: string } = {},
): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  await page.goto(url);
  await fillSignIn(page, email, options.password);
  await expect(page.getByRole("heading", { name: "Documents" })).toBeVisible();
  const manuscript = page.getByRole("textbox", { name: "Manuscript" });
  return {
    context,
    page,
    manuscript,
    // Not innerText: another person's caret at a line's end brings a line break of its own.
    text: async () => (await manuscript.locator("> *").allTextContents()).join("\n"),
    async openDocument(title) {
      await page.getByRole("link", { name: title }).first().click();
      await expect(manuscript).toBeVisible();
    },
    close: () => context.close(),
  };
}

/** Sends the form of the sign-in page that is open. */
export async function fillSignIn(
  page: Page,
  email: string,
  password = demonstrationPassword,
): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}
