import { expect, type Page, test } from "@playwright/test";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { signIn } from "../../support/person.ts";
import { visit } from "../story/people.ts";

let server: TestApp;
test.beforeAll(async () => {
  server = await startTestApp();
});
test.afterAll(() => server?.close());

/** What Control+A and Control+C put on the clipboard. */
async function copyAll(page: Page): Promise<{ plain: string; html: string }> {
  await page.getByRole("textbox", { name: "Manuscript" }).click();
  await page.keyboard.press("Control+a");
  await page.evaluate(`void (globalThis.copied = new Promise((resolve) =>
    document.addEventListener("copy", (event) => resolve({
      plain: event.clipboardData.getData("text/plain"),
      html: event.clipboardData.getData("text/html"),
    }), { once: true })))`);
  await page.keyboard.press("Control+c");
  return page.evaluate("copied");
}

test("D3: what is copied is the text that was seen, line by line, and our few tags", async ({
  browser,
}) => {
  const author = await signIn(server.url, "sponsor@demo.test");
  const text =
    "The mill\n\nשלום می\u200Cخواهم 👩\u200D👧 \u202Ereversed\u202C.\nOne\ttwo. <b>not bold</b>";
  const { document } = await author.json<{ document: { id: string } }>("POST", "/api/documents", {
    title: "Copied",
    body: text,
  });
  const other = await signIn(server.url, "editor@demo.test");
  const share = { email: "editor@demo.test", role: "editor" };
  await author.json("PUT", `/api/documents/${document.id}/assignments`, share);
  const copy = other.open(document.id);
  await expect.poll(() => copy.provider.synced).toBe(true);
  copy.body.format(0, 3, { bold: true });
  copy.body.format(4, 4, { italic: true });
  copy.body.format(8, 1, { block: "heading", level: 2 });

  const sponsor = await visit(browser, server.url, "sponsor@demo.test");
  await sponsor.openDocument("Copied");
  await expect(sponsor.manuscript.getByRole("heading", { name: "The mill" })).toBeVisible();
  await expect(sponsor.manuscript.locator("em")).toHaveText("mill");
  const { plain, html } = await copyAll(sponsor.page);
  expect(plain).toBe(text);
  const found = await sponsor.page.evaluate<string[][]>(`[
    ...new DOMParser().parseFromString(${JSON.stringify(html)}, "text/html").body.querySelectorAll("*")
  ].map((element) => [element.localName, ...element.getAttributeNames()])`);
  const allowed = new Set(["h2", "p", "strong", "em"]);
  expect(found.filter(([name = ""]) => !allowed.has(name))).toEqual([]);
  expect(found.flatMap(([, ...attributes]) => attributes)).toEqual(["data-pm-slice"]);

  // And back again, as plain text: the same lines.
  await sponsor.page.keyboard.press("Control+Shift+v");
  await expect.poll(() => copy.text()).toBe(text);
  copy.close();
  await sponsor.close();
});
