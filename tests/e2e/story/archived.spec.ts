import { expect, test } from "@playwright/test";
import { startTestApp } from "../../support/app.ts";
import { visit } from "./people.ts";

test("A9: a document that is archived while the model writes offers to stop its paused run", async ({
  browser,
}) => {
  const server = await startTestApp({ loadsModelAhead: true });
  try {
    const visitor = await visit(browser, server.url, "sponsor@demo.test");
    const { page, manuscript } = visitor;
    await page.getByRole("button", { name: "New document" }).click();
    await expect(page.getByRole("textbox", { name: "Title" })).toBeFocused();
    await page.keyboard.type("The winter mill");
    await page.keyboard.press("Enter");
    await expect(manuscript).toBeFocused();
    await page.keyboard.type("Once upon a time there was a mill by the river.");
    await page.keyboard.press("Control+Backslash");
    await page.getByRole("switch", { name: "Endless" }).click();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await expect(manuscript.locator(".run").first()).toBeVisible();
    await page.getByRole("button", { name: "More", exact: true }).click();
    await page.getByRole("menuitem", { name: "Archive" }).click();
    const dock = page.getByRole("region", { name: "Archived" });
    await expect(dock).toContainText("Nobody can change it until you bring it back.");
    const stop = dock.getByRole("button", { name: "Stop its run" });
    await stop.click();
    await expect(stop).toHaveCount(0);
    await dock.getByRole("button", { name: "Bring it back" }).click();
    await expect(page.getByTestId("run-state")).toHaveText("Stopped by you");
    await visitor.close();
  } finally {
    await server.close();
  }
});
