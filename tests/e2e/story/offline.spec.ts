import { expect, type Page, test } from "@playwright/test";
import { type ServerProcess, startServerProcess } from "../../support/server-process.ts";
import { type Visitor, visit } from "./people.ts";

/** The manuscript in one tab, and what the header says about its words. */
const manuscriptIn = (page: Page) => page.getByRole("textbox", { name: "Manuscript" });
const saveState = (page: Page) => page.getByTestId("save-state");

async function typeAtEnd(page: Page, words: string): Promise<void> {
  await manuscriptIn(page).click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(words);
}

/** Makes a document with a first sentence and waits until it is saved. */
async function createDocument({ page, manuscript }: Visitor, title: string): Promise<void> {
  await page.goto(new URL("/", page.url()).href);
  await page.getByRole("button", { name: "New document" }).first().click();
  await page.getByRole("textbox", { name: "Title" }).fill(title);
  await expect(manuscript).toBeVisible();
  await typeAtEnd(page, "The beginning.");
  await expect(saveState(page)).toHaveText(/Saved/);
}

async function share(page: Page, email: string): Promise<void> {
  await page.getByRole("button", { name: "Share", exact: true }).click();
  await page.getByRole("textbox", { name: "Email" }).fill(email);
  await page.getByLabel("Role").selectOption({ label: "Editor" });
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByText(email)).toBeVisible();
}

/** How often `words` stand in the manuscript. */
async function occurrences(page: Page, words: string): Promise<number> {
  return ((await manuscriptIn(page).textContent()) ?? "").split(words).length - 1;
}

test.describe("words written without the server", () => {
  let server: ServerProcess;
  let sponsor: Visitor;

  test.beforeAll(async () => {
    server = await startServerProcess();
  });
  test.afterAll(() => server?.close());
  test.beforeEach(async ({ browser }) => {
    sponsor = await visit(browser, server.url, "sponsor@demo.test");
  });
  test.afterEach(() => sponsor?.close());

  test("U2: typed while the server is dead, in a tab that was closed, they are there and Saved in the next", async () => {
    await createDocument(sponsor, "Closed while offline");
    const { page, context } = sponsor;
    const url = page.url();
    await server.killHard();
    await expect(saveState(page)).toContainText("Offline");
    await typeAtEnd(page, " Written to nobody.");
    await page.close();
    await server.start();

    const next = await context.newPage();
    await next.goto(url);
    await expect(manuscriptIn(next)).toContainText("The beginning. Written to nobody.");
    await expect(saveState(next)).toHaveText(/Saved/);

    // Committed, not only shown: someone who has never had a copy reads them too.
    const answer = await next.request.get(`${url.replace("/documents/", "/api/documents/")}/text`);
    expect(await answer.text()).toContain("Written to nobody.");
  });

  test("S5: two tabs of one account write offline at the same time, and both keep all of it once", async () => {
    await createDocument(sponsor, "Two tabs");
    const { page: first, context } = sponsor;
    const second = await context.newPage();
    await second.goto(first.url());
    await expect(manuscriptIn(second)).toContainText("The beginning.");
    await server.killHard();
    for (const tab of [first, second]) await expect(saveState(tab)).toContainText("Offline");
    await typeAtEnd(first, " First tab.");
    await typeAtEnd(second, " Second tab.");
    await server.start();

    for (const tab of [first, second]) {
      await expect(saveState(tab)).toHaveText(/Saved/, { timeout: 20_000 });
      for (const words of ["The beginning.", "First tab.", "Second tab."])
        await expect.poll(() => occurrences(tab, words)).toBe(1);
    }
    await first.reload();
    await expect(manuscriptIn(first)).toContainText("Second tab.");
    for (const words of ["The beginning.", "First tab.", "Second tab."])
      expect(await occurrences(first, words)).toBe(1);
    await expect(saveState(first)).toHaveText(/Saved/);
  });

  test("U2: a reload in the middle of typing keeps what was typed, and typing goes on", async () => {
    await createDocument(sponsor, "Reloaded");
    const { page } = sponsor;
    await typeAtEnd(page, " Half a sen");
    await page.reload();
    await expect(manuscriptIn(page)).toContainText("The beginning. Half a sen");
    await typeAtEnd(page, "tence.");
    await expect(manuscriptIn(page)).toContainText("The beginning. Half a sentence.");
    await expect(saveState(page)).toHaveText(/Saved/);
    await page.reload();
    await expect(manuscriptIn(page)).toContainText("The beginning. Half a sentence.");
    expect(await occurrences(page, "sentence")).toBe(1);
  });

  test("U2: on a slow network the page says Saving until the words are committed, and takes what others write", async () => {
    await createDocument(sponsor, "Slow");
    const { page, context } = sponsor;
    const fast = await context.newPage();
    await fast.goto(page.url());
    await expect(manuscriptIn(fast)).toContainText("The beginning.");
    const network = await context.newCDPSession(page);
    const slow = { offline: false, latency: 400, downloadThroughput: 4096, uploadThroughput: 4096 };
    await network.send("Network.enable");
    await network.send("Network.emulateNetworkConditions", slow);

    await page.reload();
    await expect(manuscriptIn(page)).toContainText("The beginning.", { timeout: 40_000 });
    await typeAtEnd(page, " From a train.");
    await expect(manuscriptIn(fast)).toContainText("From a train.");
    await typeAtEnd(fast, " From a desk.");
    await expect(manuscriptIn(page)).toContainText("From a train. From a desk.");
    await expect(saveState(page)).toHaveText(/Saved/);
  });

  test("S11: where the document was taken away from unsent words, the page says so and offers them to copy", async ({
    browser,
  }) => {
    await createDocument(sponsor, "Taken away");
    await share(sponsor.page, "editor@demo.test");
    const editor = await visit(browser, server.url, "editor@demo.test");
    await editor.openDocument("Taken away");
    await expect(editor.manuscript).toContainText("The beginning.");
    const { page, context } = editor;
    await context.setOffline(true);
    await server.killHard();
    await expect(saveState(page)).toContainText("Offline");
    await typeAtEnd(page, " Words that nobody got.");
    await server.start();
    await sponsor.page.reload();
    await sponsor.page.getByRole("button", { name: "Share", exact: true }).click();
    await sponsor.page.getByRole("button", { name: /^Remove Edith/ }).click();
    await expect(sponsor.page.getByText("editor@demo.test")).toHaveCount(0);
    await context.setOffline(false);

    await expect(page.getByText("This document is no longer shared with you")).toBeVisible({
      timeout: 20_000,
    });
    const draft = page.getByRole("region", { name: "Words that were not saved" });
    await expect(draft).toContainText("Words that nobody got.");
    await draft.getByRole("button", { name: "Copy" }).click();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe("Words that nobody got.");
    await expect(sponsor.manuscript).not.toContainText("nobody got");
    await page.reload();
    await expect(draft).toContainText("Words that nobody got.");
    await editor.close();
  });

  test("S11: words left unsent in a tab that was closed are offered to copy when the document was taken away meanwhile", async ({
    browser,
  }) => {
    await createDocument(sponsor, "Taken while closed");
    await share(sponsor.page, "editor@demo.test");
    const editor = await visit(browser, server.url, "editor@demo.test");
    await editor.openDocument("Taken while closed");
    await expect(editor.manuscript).toContainText("The beginning.");
    const url = editor.page.url();
    await server.killHard();
    await expect(saveState(editor.page)).toContainText("Offline");
    await typeAtEnd(editor.page, " Words in a closed tab.");
    await editor.page.close();
    await server.start();
    await sponsor.page.reload();
    await sponsor.page.getByRole("button", { name: "Share", exact: true }).click();
    await sponsor.page.getByRole("button", { name: /^Remove Edith/ }).click();
    await expect(sponsor.page.getByText("editor@demo.test")).toHaveCount(0);

    const next = await editor.context.newPage();
    await next.goto(url);
    await expect(next.getByRole("heading", { name: "No such document" })).toBeVisible();
    const draft = next.getByRole("region", { name: "Words that were not saved" });
    await expect(draft.getByRole("blockquote")).toHaveText("Words in a closed tab.");
    await next.reload();
    await expect(draft.getByRole("blockquote")).toHaveText("Words in a closed tab.");
    await editor.close();
  });
});
