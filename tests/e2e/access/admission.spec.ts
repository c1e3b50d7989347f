import { expect, type Page, test } from "@playwright/test";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { personWith, signIn } from "../../support/person.ts";
import { fillSignIn, visit } from "../story/people.ts";
import { holdableLine } from "./held-words.ts";

const password = "a winter mill by the river";
let server: TestApp;
test.beforeAll(async () => {
  server = await startTestApp();
});
test.afterAll(() => server?.close());

async function askToJoin(page: Page, name: string, email: string): Promise<void> {
  await page.goto(`${server.url}/sign-in`);
  await page.getByRole("link", { name: "Ask to join" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Organisation").fill("Quill & Daughters");
  await page.getByLabel("Why").fill("To write over what it writes.");
  await page.getByLabel("Password", { exact: true }).fill("too short");
  await page.getByRole("button", { name: "Ask to join" }).click();
  await expect(page.getByText("6 characters more")).toBeVisible();
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Ask to join" }).click();
  await expect(page.getByText("An admin will look at your request.")).toBeVisible();
}

test("U5 U6: from asking to join to a suspension that loses no word", async ({ browser }) => {
  const admin = await visit(browser, server.url, "admin@demo.test");
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"] });
  const line = await holdableLine(context);
  const editor = await context.newPage();

  await test.step("the request waits, and says so at sign-in", async () => {
    await askToJoin(editor, "Nora Quill", "nora@quill.test");
    await editor.getByRole("link", { name: "Go to the sign-in page" }).click();
    await fillSignIn(editor, "nora@quill.test", password);
    await expect(editor.getByRole("alert").first()).toHaveText(
      "Awaiting approval. An admin will look at your request.",
    );
  });

  await test.step("the admin sees it come, and approves it with a key", async () => {
    const menu = admin.page.getByRole("button", { name: "Ada" });
    await expect(menu).toContainText("1 waiting");
    await menu.click();
    await admin.page.getByRole("menuitem", { name: "Admin" }).click();
    const row = admin.page.getByRole("row", { name: "Nora Quill" });
    await expect(row).toContainText("Quill & Daughters");
    await expect(row).toContainText("To write over what it writes.");
    await admin.page.keyboard.press("a");
    await expect(admin.page.getByText("Approved Nora Quill.")).toBeVisible();
    await expect(admin.page.getByText("Nobody waits.")).toBeVisible();
    await expect(menu).not.toContainText("waiting");
    await expect(admin.page.getByRole("complementary")).toContainText("Ada approved Nora Quill");
  });

  const sponsor = await visit(browser, server.url, "sponsor@demo.test");
  const manuscript = editor.getByRole("textbox", { name: "Manuscript" });
  const save = editor.getByTestId("save-state");
  await test.step("a sponsor shares a document, and the editor writes in it", async () => {
    await sponsor.page.getByRole("button", { name: "New document" }).click();
    await expect(sponsor.page.getByRole("textbox", { name: "Title" })).toBeFocused();
    await sponsor.page.keyboard.type("The winter mill");
    await sponsor.page.getByRole("button", { name: "Share" }).click();
    await sponsor.page.getByRole("textbox", { name: "Email" }).fill("nora@quill.test");
    await sponsor.page.getByRole("button", { name: "Add" }).click();
    await expect(sponsor.page.getByText("nora@quill.test")).toBeVisible();
    await fillSignIn(editor, "nora@quill.test", password);
    await editor.getByRole("link", { name: "The winter mill" }).click();
    await manuscript.click();
    await editor.keyboard.type("Nora was here.");
    await expect(save).toHaveText("Saved");
    await expect(sponsor.manuscript).toContainText("Nora was here.");
  });

  await test.step("the admin suspends, and the page says so and keeps the words", async () => {
    line.hold();
    await manuscript.click();
    await editor.keyboard.press("Control+End");
    await editor.keyboard.type(" These words reached nobody.");
    await expect(save).toHaveText("Saving…");
    await admin.page.getByRole("link", { name: "Users" }).click();
    await expect(admin.page.getByRole("heading", { name: "Users" })).toBeVisible();
    await admin.page.keyboard.press("/");
    await admin.page.keyboard.type("quill");
    await expect(admin.page.getByRole("row")).toHaveCount(2);
    await admin.page.getByRole("button", { name: "More for Nora Quill" }).click();
    await admin.page.getByRole("menuitem", { name: "Suspend…" }).click();
    await admin.page.getByLabel("Reason").fill("Until the proofs are in.");
    const suspended = admin.page.waitForResponse((answer) => answer.url().endsWith("/suspend"));
    await admin.page.getByRole("button", { name: "Suspend" }).click();
    await suspended;
    await expect(editor.getByRole("heading", { name: "Your account is suspended" })).toBeVisible({
      timeout: 1_000,
    });
    await expect(editor.getByText("Until the proofs are in.")).toBeVisible();
    const draft = editor.getByRole("region", { name: "Words that were not saved" });
    await expect(draft).toContainText("These words reached nobody.");
    await draft.getByRole("button", { name: "Copy" }).click();
    expect(await editor.evaluate("navigator.clipboard.readText()")).toBe(
      "These words reached nobody.",
    );
    await expect(sponsor.manuscript).not.toContainText("reached nobody");
  });

  await test.step("the next sign-in says why", async () => {
    await editor.getByRole("link", { name: "Go to the sign-in page" }).click();
    await fillSignIn(editor, "nora@quill.test", password);
    const said = editor.getByRole("alert").first();
    await expect(said).toContainText("Your account is suspended.");
    await expect(said).toContainText("Until the proofs are in.");
  });
  for (const each of [admin, sponsor]) await each.close();
  await context.close();
});

test("U5: many requests are rejected at once, with one reason, by keyboard alone", async ({
  browser,
}) => {
  for (const name of ["Ola", "Pia", "Quim"]) {
    const body = { name, email: `${name}@many.test`, role: "sponsor", password };
    const answer = await personWith(server.url, "").request("POST", "/api/sign-up", body);
    expect(answer.status).toBe(202);
  }
  const admin = await visit(browser, server.url, "admin@demo.test", "/admin/requests");
  const { page } = admin;
  await expect(page.getByRole("row", { name: "Ola" })).toHaveAttribute("aria-current", "true");
  await page.keyboard.press("x");
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("row", { name: "Quim" })).toBeFocused();
  await page.keyboard.press("x");
  await page.keyboard.press("r");
  await expect(page.getByLabel("Reason")).toBeFocused();
  await page.keyboard.type("Write from your office address.");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText("Rejected 2.")).toBeVisible();
  await expect(page.getByRole("row", { name: "Pia" })).toBeVisible();
  await expect(page.getByRole("row", { name: "Ola" })).toHaveCount(0);
  const refusal = await signIn(server.url, "ola@many.test", password).catch(String);
  expect(refusal).toContain("Write from your office address.");
  await admin.close();
});

test("U9: the address keeps search, filter and order of an admin's list", async ({ browser }) => {
  const admin = await visit(browser, server.url, "admin@demo.test", "/admin/users");
  const { page } = admin;
  await page.getByLabel("Role").selectOption("sponsor");
  const head = page.getByRole("columnheader", { name: "Name" });
  await head.getByRole("button").click();
  await expect(head).toHaveAttribute("aria-sort", "ascending");
  await head.getByRole("button").click();
  await page.keyboard.press("/");
  await page.keyboard.type("demo.test");
  await expect(page).toHaveURL(/search=demo\.test/);
  const expectList = async () => {
    await expect(page.getByRole("row")).toHaveCount(3);
    await expect(page.getByRole("row").nth(1)).toContainText("Sofia");
    await expect(head).toHaveAttribute("aria-sort", "descending");
  };
  await expectList();
  await page.reload();
  await expect(page.getByLabel("Name, email, organisation")).toHaveValue("demo.test");
  await expectList();
  await admin.close();
});
