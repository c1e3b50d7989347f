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

/**
 * Opens a page in a browser context of somebody who is signed in already: the list of documents, or
 * what `path` names. The form is filled where signing in is what is shown.
 */
export async function visit(
  browser: Browser,
  url: string,
  email: string,
  path = "/",
): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await enter(context, url, email);
  const page = await context.newPage();
  await page.goto(url + path);
  if (path === "/") await expect(page.getByRole("heading", { name: "Documents" })).toBeVisible();
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

/** Signs a browser context in past the page. */
export async function enter(context: BrowserContext, url: string, email: string): Promise<void> {
  const answer = await context.request.post(`${url}/api/sign-in`, {
    data: { email, password: demonstrationPassword },
    headers: { origin: url },
  });
  expect(answer.status(), await answer.text()).toBe(200);
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
