import { expect, test } from "@playwright/test";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { signIn } from "../../support/person.ts";
import { visit } from "./people.ts";

let server: TestApp;
test.beforeAll(async () => {
  server = await startTestApp();
});
test.afterAll(() => server?.close());

test("a manuscript in too many pieces offers a clean copy to those who may make one", async ({
  browser,
}) => {
  const author = await signIn(server.url, "sponsor@demo.test");
  const text = "word ".repeat(11_000).trim();
  const { document } = await author.json<{ document: { id: string } }>("POST", "/api/documents", {
    title: "Worn",
    body: text,
  });
  const share = { email: "editor@demo.test", role: "editor" };
  await author.json("PUT", `/api/documents/${document.id}/assignments`, share);
  const copy = author.open(document.id);
  await expect.poll(() => copy.text()).toBe(text);
  copy.doc.transact(() => {
    for (let place = 10_500; place > 0; place--) copy.body.insert(place * 5, "x");
  });
  const worn = copy.text();
  await expect
    .poll(async () => (await author.request("GET", `/api/documents/${document.id}/text`)).text())
    .toBe(worn);
  copy.close();

  const editor = await visit(browser, server.url, "editor@demo.test");
  await editor.openDocument("Worn");
  const notice = (page: typeof editor.page) =>
    page.getByRole("region", { name: "This manuscript grows slow" });
  await expect(notice(editor.page)).toBeVisible();
  await expect(editor.page.getByRole("button", { name: "Make a clean copy" })).toHaveCount(0);
  await editor.close();

  const sponsor = await visit(browser, server.url, "sponsor@demo.test");
  await sponsor.openDocument("Worn");
  await notice(sponsor.page).getByRole("button", { name: "Make a clean copy" }).click();
  await expect(sponsor.page.getByRole("textbox", { name: "Title" })).toHaveValue(
    "Worn (clean copy)",
  );
  await expect.poll(() => sponsor.text()).toBe(worn);
  await expect(notice(sponsor.page)).toHaveCount(0);
  await sponsor.close();
});
