import { expect, test } from "@playwright/test";
import { Secret, TOTP } from "otpauth";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { demonstrationPassword } from "../../support/person.ts";
import { fillSignIn, type Visitor, visit } from "../story/people.ts";
import { holdableLine } from "./held-words.ts";

let server: TestApp;
test.beforeAll(async () => {
  server = await startTestApp();
});
test.afterAll(() => server?.close());

/** What the authenticator app shows, so many steps of 30 s from now. */
function codeOf(secret: string, stepsAhead: number): string {
  const totp = new TOTP({ secret: Secret.fromBase32(secret) });
  return totp.generate({ timestamp: Date.now() + stepsAhead * 30_000 });
}

async function chooseSignOut({ page }: Visitor): Promise<void> {
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
}

test("U8: a second factor is set up, asked for at sign-in, and its codes are shown once", async ({
  browser,
}) => {
  const visitor = await visit(browser, server.url, "sponsor2@demo.test");
  const { page } = visitor;
  await page.getByRole("button", { name: "Sam" }).click();
  await page.getByRole("menuitem", { name: "Your account" }).click();
  await page.getByRole("button", { name: "Set it up" }).click();
  const section = page.getByRole("region", { name: "Second factor" });
  await section.getByLabel("Your password").fill(demonstrationPassword);
  await section.getByRole("button", { name: "Go on" }).click();
  await expect(section.getByRole("img", { name: "The secret" })).toBeVisible();
  const secret = ((await section.locator("code").textContent()) ?? "").replaceAll(" ", "");
  await section.getByLabel("Code").fill("000000");
  await section.getByRole("button", { name: "Turn it on" }).click();
  await expect(section.getByRole("alert")).toContainText("not the code");
  await section.getByLabel("Code").fill(codeOf(secret, 0));
  await section.getByRole("button", { name: "Turn it on" }).click();
  const codes = section.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
  const recoveryCode = (await codes.first().textContent()) ?? "";
  const download = page.waitForEvent("download");
  await section.getByRole("button", { name: "Download" }).click();
  expect((await download).suggestedFilename()).toBe("palimpsest-recovery-codes.txt");
  await section.getByRole("button", { name: "I have kept them" }).click();
  await expect(section).toContainText("It is on.");
  await page.reload();
  await expect(section).toContainText("It is on.");
  await expect(codes).toHaveCount(0);

  const enter = async (code: string) => {
    await page.context().clearCookies();
    await page.goto(`${server.url}/sign-in`);
    await fillSignIn(page, "sponsor2@demo.test");
    await page.getByLabel("Code").fill("123");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert")).toContainText("This code is not right");
    await page.getByLabel("Code").fill(code);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("heading", { name: "Documents" })).toBeVisible();
  };
  await enter(codeOf(secret, 1));
  await enter(recoveryCode);
  await visitor.close();
});

test("U8: an admin's link sets a new password once, and no request names its token", async ({
  browser,
}) => {
  const list = "/admin/users?search=editor%40demo";
  const admin = await visit(browser, server.url, "admin@demo.test", list);
  await admin.page.getByRole("button", { name: "More for Edith" }).click();
  await admin.page.getByRole("menuitem", { name: "Link for a new password…" }).click();
  await admin.page.getByRole("button", { name: "Make the link" }).click();
  const link = (await admin.page.locator("code").textContent()) ?? "";
  await admin.close();

  const context = await browser.newContext();
  const page = await context.newPage();
  const addresses: string[] = [];
  page.on("request", (request) => addresses.push(request.url(), request.headers().referer ?? ""));
  const token = new URL(link).hash.slice(1);
  expect(token).not.toBe("");
  await page.goto(link);
  await page.getByLabel("New password", { exact: true }).fill("a boat that leans on the wind");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("Your password is set.")).toBeVisible();
  // The browser takes the fragment off each address before it asks for it.
  const sent = addresses.map((address) => address.split("#")[0]);
  expect(sent.filter((address) => address?.includes(token))).toEqual([]);
  await fillSignIn(page, "editor@demo.test", "a boat that leans on the wind");
  await expect(page.getByRole("heading", { name: "Documents" })).toBeVisible();

  await page.goto(link);
  await page.reload();
  await page.getByLabel("New password", { exact: true }).fill("a boat that leans on the sea");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByRole("alert")).not.toBeEmpty();
  await context.close();
});

test("U7: signing out asks about words that are in this browser alone", async ({ browser }) => {
  const visitor = await visit(browser, server.url, "sponsor@demo.test");
  const { page, manuscript, context } = visitor;
  const line = await holdableLine(context);
  const save = page.getByTestId("save-state");
  const warning = page.getByRole("dialog", { name: "Words that were not saved" });
  const kept = () =>
    page.evaluate<string[]>(`(async () => {
    const databases = await indexedDB.databases();
    const names = [...databases.map(({ name }) => name), ...Object.keys(localStorage)];
    return names.filter((name) => name.startsWith("palimpsest:"));
  })()`);
  const write = async (words: string) => {
    await manuscript.click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type(words);
  };
  const returnToDocument = async () => {
    await fillSignIn(page, "sponsor@demo.test");
    await expect(manuscript).toBeVisible();
  };
  await page.getByRole("button", { name: "New document" }).click();
  await expect(page.getByRole("textbox", { name: "Title" })).toBeFocused();
  await page.keyboard.type("The ferry");
  await write("It left at dawn.");
  await expect(save).toHaveText("Saved");

  await test.step("kept, they are there and saved at the next sign-in", async () => {
    line.hold();
    await write(" Nobody was aboard.");
    await expect(save).toHaveText("Saving…");
    await chooseSignOut(visitor);
    await expect(warning).toContainText("The ferry");
    await warning.getByRole("button", { name: "Stay signed in" }).click();
    await expect(warning).toHaveCount(0);
    await chooseSignOut(visitor);
    await warning.getByRole("button", { name: "keep them in this browser" }).click();
    await expect(page.getByLabel("Email")).toBeVisible();
    line.release();
    await returnToDocument();
    await expect(manuscript).toContainText("It left at dawn. Nobody was aboard.");
    await expect(save).toHaveText("Saved");
  });

  await test.step("lost, nothing of them is left", async () => {
    line.hold();
    await write(" Not even the pilot.");
    await expect(save).toHaveText("Saving…");
    await chooseSignOut(visitor);
    await warning.getByRole("button", { name: "lose them" }).click();
    await expect(page.getByLabel("Email")).toBeVisible();
    await expect.poll(kept).toEqual([]);
    line.release();
    await returnToDocument();
    await expect(manuscript).toContainText("Nobody was aboard.");
    await expect(manuscript).not.toContainText("pilot");
  });

  await test.step("where all is saved nothing is asked, and nothing is left", async () => {
    await write(" It came back.");
    await expect(save).toHaveText("Saved");
    await chooseSignOut(visitor);
    await expect(page.getByLabel("Email")).toBeVisible();
    await expect.poll(kept).toEqual([]);
  });
  await visitor.close();
});
