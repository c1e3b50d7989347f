import { type Browser, expect, type Page, test } from "@playwright/test";
import type { Assignment } from "#shared/http.ts";
import { type Person, signIn } from "../../support/person.ts";
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

/** How often `words` stand in the manuscript. */
async function occurrences(page: Page, words: string): Promise<number> {
  return ((await manuscriptIn(page).textContent()) ?? "").split(words).length - 1;
}

test.describe("words written without the server", () => {
  let server: ServerProcess;
  let author: Person;
  let opened: Visitor[] = [];

  test.beforeAll(async () => {
    server = await startServerProcess(undefined, { compiled: true });
    author = await signIn(server.url, "sponsor@demo.test");
  });
  test.afterAll(() => server?.close());
  test.afterEach(async () => {
    for (const visitor of opened) await visitor.close();
    opened = [];
  });

  /** Makes a document with a first sentence, of which `editor@demo.test` is an editor. */
  async function createDocument(title: string): Promise<string> {
    const body = "The beginning.";
    const path = "/api/documents";
    const made = await author.json<{ document: { id: string } }>("POST", path, { title, body });
    const share = { email: "editor@demo.test", role: "editor" };
    await author.json("PUT", `${path}/${made.document.id}/assignments`, share);
    return made.document.id;
  }

  /** Opens a document in a browser of its own and waits until it is there, and saved. */
  async function openDocument(browser: Browser, email: string, id: string): Promise<Visitor> {
    const visitor = await visit(browser, server.url, email, `/documents/${id}`);
    opened.push(visitor);
    await expect(visitor.manuscript).toContainText("The beginning.");
    await expect(saveState(visitor.page)).toHaveText("Saved");
    return visitor;
  }

  async function takeAwayFromEditor(id: string): Promise<void> {
    const path = `/api/documents/${id}/assignments`;
    const { assignments } = await author.json<{ assignments: Assignment[] }>("GET", path);
    const editor = assignments.find(({ email }) => email === "editor@demo.test");
    const answer = await author.request("DELETE", `${path}/${editor?.userId}`);
    expect(answer.status).toBe(204);
  }

  test("U2: typed while the server is dead, in a tab that was closed, they are there and Saved in the next", async ({
    browser,
  }) => {
    const id = await createDocument("Closed while offline");
    const { page, context } = await openDocument(browser, "sponsor@demo.test", id);
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
    const answer = await author.request("GET", `/api/documents/${id}/text`);
    expect(await answer.text()).toContain("Written to nobody.");
  });

  test("S5: two tabs of one account write offline at the same time, and both keep all of it once", async ({
    browser,
  }) => {
    const id = await createDocument("Two tabs");
    const { page: first, context } = await openDocument(browser, "sponsor@demo.test", id);
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

  test("U2: a reload in the middle of typing keeps what was typed, and typing goes on", async ({
    browser,
  }) => {
    const id = await createDocument("Reloaded");
    const { page } = await openDocument(browser, "sponsor@demo.test", id);
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

  test("U2: on a slow network the page opens, its words reach the others, and it takes what they write", async ({
    browser,
  }) => {
    const id = await createDocument("Slow");
    const { page, context } = await openDocument(browser, "sponsor@demo.test", id);
    const fast = await context.newPage();
    await fast.goto(page.url());
    await expect(manuscriptIn(fast)).toContainText("The beginning.");
    const network = await context.newCDPSession(page);
    const throughput = { downloadThroughput: 16_384, uploadThroughput: 16_384 };
    const slow = { offline: false, latency: 400, ...throughput };
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
    const id = await createDocument("Taken away");
    const { page, context } = await openDocument(browser, "editor@demo.test", id);
    await context.setOffline(true);
    await server.killHard();
    await expect(saveState(page)).toContainText("Offline");
    await typeAtEnd(page, " Words that nobody got.");
    await server.start();
    await takeAwayFromEditor(id);
    await context.setOffline(false);

    await expect(page.getByText("This document is no longer shared with you")).toBeVisible({
      timeout: 20_000,
    });
    const draft = page.getByRole("region", { name: "Words that were not saved" });
    await expect(draft).toContainText("Words that nobody got.");
    await draft.getByRole("button", { name: "Copy" }).click();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe("Words that nobody got.");
    const answer = await author.request("GET", `/api/documents/${id}/text`);
    expect(await answer.text()).toBe("The beginning.");
    await page.reload();
    await expect(draft).toContainText("Words that nobody got.");
  });

  test("S11: words left unsent in a tab that was closed are offered to copy when the document was taken away meanwhile", async ({
    browser,
  }) => {
    const id = await createDocument("Taken while closed");
    const { page, context } = await openDocument(browser, "editor@demo.test", id);
    const url = page.url();
    await server.killHard();
    await expect(saveState(page)).toContainText("Offline");
    await typeAtEnd(page, " Words in a closed tab.");
    await page.close();
    await server.start();
    await takeAwayFromEditor(id);

    const next = await context.newPage();
    await next.goto(url);
    await expect(next.getByRole("heading", { name: "No such document" })).toBeVisible();
    const draft = next.getByRole("region", { name: "Words that were not saved" });
    await expect(draft.getByRole("blockquote")).toHaveText("Words in a closed tab.");
    await next.reload();
    await expect(draft.getByRole("blockquote")).toHaveText("Words in a closed tab.");
  });
});
