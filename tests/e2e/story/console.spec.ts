import { expect, type Page, test } from "@playwright/test";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { demonstrationPassword } from "../../support/person.ts";

let server: TestApp;
test.beforeAll(async () => {
  server = await startTestApp({ loadsModelAhead: true });
});
test.afterAll(() => server?.close());

/** Collects what the browser complains of: errors, warnings, what the Content-Security-Policy stopped. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    // Asking who is signed in is answered with 401 where nobody is, which the browser notes.
    if (message.location().url === `${server.url}/api/me`) return;
    complaints.push(`${message.type()}: ${message.text()}`);
  });
  return complaints;
}

test("A5 U2: no page makes the browser complain, from sign-in to sign-out", async ({ page }) => {
  const complaints = complaintsOf(page);
  await page.goto(server.url);
  await page.getByLabel("Email").fill("sponsor@demo.test");
  await page.getByLabel("Password", { exact: true }).fill(demonstrationPassword);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "New document" }).click();
  await expect(page.getByRole("textbox", { name: "Title" })).toBeFocused();
  await page.keyboard.type("The quiet mill");
  await page.keyboard.press("Enter");
  await page.keyboard.type("Once upon a time");
  // Few tokens: on a starved machine the model's process goes last.
  await page.keyboard.press("Control+Backslash");
  const length = page.getByRole("textbox", { name: "Length", exact: true });
  await length.fill("24");
  await length.press("Enter");
  await page.getByRole("textbox", { name: "Manuscript" }).click();
  await page.keyboard.press("Control+Enter");
  await expect(page.getByTestId("run-state")).toContainText("Finished", { timeout: 30_000 });

  await page.getByRole("button", { name: "Share" }).click();
  await expect(page.getByLabel("Email")).toBeVisible();
  await page.keyboard.press("Escape");
  for (const tab of ["Run", "Versions", "People"])
    await page.getByRole("tab", { name: tab }).click();
  await page.keyboard.press("Control+Slash");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Watch on a big screen" }).click();
  await expect(page.getByRole("textbox", { name: "Manuscript" })).toContainText("Once upon a time");
  // A socket that is closed while it opens is worth a warning to the browser, and to nobody else.
  const live = page.waitForEvent("websocket", (socket) => socket.url().includes("/socket.io/"));
  await page.goto(server.url);
  await (await live).waitForEvent("framereceived");
  await expect(page.getByRole("link", { name: "The quiet mill" })).toBeVisible();
  await page.getByRole("button", { name: "Sofia" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  expect(complaints).toEqual([]);
});
