import { readFile } from "node:fs/promises";
import { expect, type Page, test } from "@playwright/test";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { demonstrationPassword, signIn } from "../../support/person.ts";
import { fillSignIn, visit } from "../story/people.ts";
import { holdableLine } from "./held-words.ts";

let server: TestApp;
test.beforeAll(async () => {
  server = await startTestApp();
});
test.afterAll(() => server?.close());

/** Opens the form of one thing that can be done about a row of an admin's list. */
async function openForm(page: Page, name: string, item: string) {
  await page.getByRole("button", { name: `More for ${name}`, exact: true }).click();
  await page.getByRole("menuitem", { name: item }).click();
  const form = page.getByRole("dialog");
  await expect(form).toBeVisible();
  return form;
}

test("A12 A23: what an admin does about accounts is done, or refused with what to do first", async ({
  browser,
}) => {
  const sponsor = await signIn(server.url, "sponsor@demo.test");
  await sponsor.json("POST", "/api/documents", { title: "The weir" });
  const admin = await visit(browser, server.url, "admin@demo.test");
  const { page } = admin;
  await page.getByRole("button", { name: "Ada" }).click();
  await page.getByRole("menuitem", { name: "Admin" }).click();
  await page.getByRole("link", { name: "Users" }).click();

  await test.step("an owner stays a sponsor, the last admin an admin", async () => {
    for (const [name, role, sentence] of [
      ["Sofia", "editor", "Sofia owns a document, and an editor owns none."],
      ["Ada", "sponsor", "Ada is the only active administrator."],
    ] as const) {
      const form = await openForm(page, name, `Make ${role}…`);
      await form.getByRole("button", { name: `Make ${role}` }).click();
      await expect(form.getByRole("alert")).toContainText(sentence);
      await form.getByRole("button", { name: "Leave it" }).click();
      await expect(form).toHaveCount(0);
    }
    await expect(page.getByRole("row", { name: "Sofia" })).toContainText("sponsor");
  });

  await test.step("limits of a person and of everyone are there the next time", async () => {
    const form = await openForm(page, "Sofia", "Limits…");
    await expect(form).toContainText("The default.");
    await form.getByLabel("Tokens a day").fill("12345");
    await form.getByLabel("Runs at once").fill("2");
    await form.getByRole("button", { name: "Save" }).click();
    await expect(form).toHaveCount(0);
    await openForm(page, "Sofia", "Limits…");
    await expect(form).toContainText("Their own.");
    await expect(form.getByLabel("Tokens a day")).toHaveValue("12,345");
    await form.getByRole("button", { name: "Use the default" }).click();
    await expect(form).toHaveCount(0);
    await page.getByRole("button", { name: "Limits for all…" }).click();
    await form.getByLabel("Runs at once").fill("3");
    await form.getByRole("button", { name: "Save" }).click();
    await expect(form).toHaveCount(0);
    await openForm(page, "Sofia", "Limits…");
    await expect(form).toContainText("The default.");
    await expect(form.getByLabel("Runs at once")).toHaveValue("3");
    await expect(form.getByLabel("Tokens a day")).toHaveValue("");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("button", { name: "More for Sofia" })).toBeFocused();
    const last = page.getByRole("complementary");
    await expect(last).toContainText("Ada changed the limits of everyone");
  });
  await admin.close();
});

test("A26 A28: a document is given away, and purged only with its title typed; the log has both", async ({
  browser,
}) => {
  const sponsor = await signIn(server.url, "sponsor@demo.test");
  await sponsor.json("POST", "/api/documents", { title: "The lock" });
  const admin = await visit(browser, server.url, "admin@demo.test", "/admin/documents");
  const { page } = admin;
  const row = page.getByRole("row", { name: "The lock" });

  await test.step("nobody gets it by a wrong email; Sam does by his", async () => {
    const form = await openForm(page, "The lock", "Give to another owner…");
    await form.getByLabel("Their email").fill("ghost@demo.test");
    await form.getByRole("button", { name: "Give it" }).click();
    await expect(form.getByRole("alert")).toContainText("ghost@demo.test");
    await form.getByLabel("Their email").fill("sponsor2@demo.test");
    await form.getByRole("button", { name: "Give it" }).click();
    await expect(row).toContainText("Sam");
  });

  await test.step("another title purges nothing", async () => {
    const form = await openForm(page, "The lock", "Purge for good…");
    const purge = form.getByRole("button", { name: "Purge for good" });
    await form.getByLabel("Its title").fill("the lock");
    await expect(purge).toBeDisabled();
    await page.keyboard.press("Enter");
    await form.getByLabel("Its title").fill("The lock");
    await purge.click();
    await expect(row).toHaveCount(0);
  });

  await test.step("the log, filtered, is taken away as it is shown", async () => {
    await page.getByRole("link", { name: "Audit" }).click();
    await page.getByLabel("What", { exact: true }).selectOption("document.purged");
    await expect(page.getByRole("row")).toHaveCount(2);
    await expect(page.getByRole("row").nth(1)).toContainText("Ada purged a document");
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download as CSV" }).click();
    const lines = (await readFile(await (await download).path(), "utf8")).trim().split(/\r?\n/);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("id,time,action,");
    expect(lines[1]).toContain(",document.purged,");
  });
  await admin.close();
});

test("A29: who deletes their account is told so, and does not come in again", async ({
  browser,
}) => {
  const visitor = await visit(browser, server.url, "sponsor2@demo.test", "/account");
  const { page } = visitor;
  await page.getByRole("button", { name: "Delete your account…" }).click();
  const section = page.getByRole("region", { name: "Delete your account" });
  await section.getByLabel("Your password").fill(demonstrationPassword);
  await section.getByLabel("Type sponsor2@demo.test").fill("sponsor2@demo.test");
  await section.getByRole("button", { name: "Delete the account" }).click();
  await expect(page.getByText("Your account is deleted.")).toBeVisible();
  await fillSignIn(page, "sponsor2@demo.test");
  await expect(page.getByRole("alert")).toContainText("password");
  await visitor.close();
});

test("U6: who is suspended while away finds the unsaved words at the sign-in page", async ({
  browser,
}) => {
  const sponsor = await signIn(server.url, "sponsor@demo.test");
  const { document } = await sponsor.json<{ document: { id: string } }>("POST", "/api/documents", {
    title: "The sluice",
  });
  const visitor = await visit(browser, server.url, "sponsor@demo.test");
  const { page, manuscript, context } = visitor;
  const line = await holdableLine(context);
  await page.goto(`${server.url}/documents/${document.id}`);
  await manuscript.click();
  await expect(page.getByTestId("save-state")).toHaveText("Saved");
  line.hold();
  await page.keyboard.type("Nobody heard the water.");
  await expect(page.getByTestId("save-state")).toHaveText("Saving…");
  await page.goto("about:blank");
  const admin = await signIn(server.url, "admin@demo.test");
  const { users } = await admin.json<{ users: { id: string }[] }>(
    "GET",
    "/api/admin/users?search=sponsor%40demo",
  );
  await admin.json("POST", `/api/admin/users/${users[0]?.id}/suspend`, { reason: "While away." });
  await page.goto(server.url);
  await fillSignIn(page, "sponsor@demo.test");
  await expect(page.getByRole("alert").first()).toContainText("While away.");
  const left = page.getByRole("region", { name: "Words that were not saved" });
  await expect(left).toHaveText(/Nobody heard the water\./);
  await left.getByRole("button", { name: "Copy" }).click();
  expect(await page.evaluate("navigator.clipboard.readText()")).toBe("Nobody heard the water.");
  await visitor.close();
});
