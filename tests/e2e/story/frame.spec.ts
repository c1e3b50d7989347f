import { expect, test } from "@playwright/test";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { signIn } from "../../support/person.ts";
import { type Visitor, visit } from "./people.ts";

/** The page around the text: keys, settings, list, phone, big screen. */
test.describe
  .serial("the frame", () => {
    let server: TestApp;
    let sponsor: Visitor;

    test.beforeAll(async ({ browser }) => {
      server = await startTestApp({ loadsModelAhead: true });
      sponsor = await visit(browser, server.url, "sponsor@demo.test");
    });
    test.afterAll(async () => {
      await sponsor?.close();
      await server?.close();
    });

    const state = () => sponsor.page.getByTestId("run-state");

    test("a new document opens with its title selected, and Enter leads on to the text", async () => {
      const { page, manuscript } = sponsor;
      await page.getByRole("button", { name: "New document" }).click();
      await expect(page.getByRole("textbox", { name: "Title" })).toBeFocused();
      await page.keyboard.type("The winter mill");
      await page.keyboard.press("Enter");
      await expect(manuscript).toBeFocused();
      await page.keyboard.type("Once upon a time there was a mill by the river.");
      await expect(manuscript).toContainText("mill by the river.");
      await expect(page).toHaveTitle(/The winter mill/);
    });

    test("U4: the keys start, pause and resume from within the text", async () => {
      const { page } = sponsor;
      await page.keyboard.press("Control+Backslash");
      await page.getByRole("switch", { name: "Endless" }).click();
      await sponsor.manuscript.click();
      await page.keyboard.press("Control+Enter");
      await expect(state()).toContainText("Writing");
      await page.keyboard.press("Control+Enter");
      await expect(state()).toHaveText("Paused by you");
      await page.keyboard.press("Control+Enter");
      await expect(state()).toContainText("Writing");
      await expect(page.getByTestId("run-speed")).toHaveText(/\d+ tokens\/s/);
    });

    test("turning a knob changes the run that writes, for everyone who looks at it", async ({
      browser,
    }) => {
      const { page } = sponsor;
      const slider = page.getByRole("slider", { name: "Temperature", exact: true });
      await slider.focus();
      await page.keyboard.press("ArrowRight");
      await expect(slider).toHaveAttribute("aria-valuetext", "0.85");
      const second = await visit(browser, server.url, "sponsor@demo.test");
      await second.openDocument("The winter mill");
      await second.page.keyboard.press("Control+Backslash");
      await expect(
        second.page.getByRole("slider", { name: "Temperature", exact: true }),
      ).toHaveAttribute("aria-valuetext", "0.85");
      await second.close();
    });

    test("a length counts when it is typed to its end, not at its first figure", async () => {
      const { page } = sponsor;
      // Paused, so that the story cannot come to its own end meanwhile.
      await page.getByRole("button", { name: "Pause" }).click();
      await expect(state()).toHaveText("Paused by you");
      const lengths = await lengthsOfRun(server.url, page.url());
      const endless = page.getByRole("switch", { name: "Endless" });
      await endless.click();
      await expect.poll(() => lengths.heard).toHaveLength(1);
      const length = page.getByRole("textbox", { name: "Length" });
      await length.fill("");
      await length.pressSequentially("90000");
      await page.keyboard.press("Enter");
      await expect(length).toHaveValue("90,000");
      await endless.click();
      await expect.poll(() => lengths.heard.at(-1)).toBeNull();
      expect(lengths.heard).toEqual([expect.any(Number), 90_000, null]);
      lengths.close();
      await page.getByRole("button", { name: "Resume" }).click();
      await expect(state()).toContainText("Writing");
    });

    test("U4: on a phone the dock is within reach and the panel is a sheet", async () => {
      const { page } = sponsor;
      await page.setViewportSize({ width: 390, height: 844 });
      await expect(page.getByRole("tab", { name: "Run" })).toHaveCount(0);
      const pause = await page.getByRole("button", { name: "Pause" }).boundingBox();
      expect(pause?.y).toBeGreaterThan(740);
      expect(pause?.height).toBeGreaterThanOrEqual(44);
      await page.getByRole("button", { name: "Panel", exact: true }).click();
      await expect(page.getByRole("tab", { name: "Run" })).toBeVisible();
      await page.keyboard.press("Escape");
      await expect(page.getByRole("tab", { name: "Run" })).toHaveCount(0);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width).toBe(390);
      await page.setViewportSize({ width: 1280, height: 800 });
    });

    test("the big screen follows the model and has nothing to press", async () => {
      const { page, manuscript } = sponsor;
      await page.getByRole("button", { name: "More", exact: true }).click();
      await page.getByRole("menuitem", { name: "Watch on a big screen" }).click();
      await expect(page).toHaveURL(/\/watch\//);
      await expect(manuscript).toContainText("mill by the river.");
      await expect(page.getByRole("button")).toHaveCount(0);
      await page.goBack();
    });

    test("U4: dark stays dark after a reload, from the first paint on", async () => {
      const { page } = sponsor;
      await page.getByRole("button", { name: "More", exact: true }).click();
      await page.getByRole("menuitemradio", { name: "Dark" }).click();
      await page.reload({ waitUntil: "commit" });
      await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
      await expect(page.locator("body")).toHaveCSS("background-color", "rgb(21, 19, 15)");
      await expect(state()).toContainText("Writing");
      await page.keyboard.press("Control+Period");
      await expect(state()).toHaveText("Stopped by you");
    });

    test("the list renames and archives, and an unknown address says so", async () => {
      const { page } = sponsor;
      await page.getByRole("link", { name: "Documents" }).click();
      await page.getByRole("button", { name: "More for The winter mill" }).click();
      await page.getByRole("menuitem", { name: "Rename" }).click();
      await page.keyboard.type("The summer mill");
      await page.keyboard.press("Enter");
      await expect(page.getByRole("link", { name: "The summer mill" })).toBeVisible();
      await page.getByRole("button", { name: "More for The summer mill" }).click();
      await page.getByRole("menuitem", { name: "Archive" }).click();
      await expect(page.getByText("All of your documents are archived.")).toBeVisible();
      await page.goto(`${server.url}/documents/none-such`);
      await expect(page.getByRole("heading", { name: "No such document" })).toBeVisible();
      await page.goto(`${server.url}/nowhere`);
      await expect(page.getByRole("heading", { name: "There is nothing here" })).toBeVisible();
    });
  });

/** Every length that the server has given the document's run since, as it tells all who look. */
async function lengthsOfRun(url: string, documentUrl: string) {
  const socket = (await signIn(url, "sponsor@demo.test")).socket();
  const heard: (number | null)[] = [];
  socket.on("run:state", ({ run }) => heard.push(run.sampling.maxTokens));
  const documentId = new URL(documentUrl).pathname.split("/").at(-1) ?? "";
  expect(await socket.emitWithAck("document:join", { documentId })).toMatchObject({ ok: true });
  return { heard, close: () => socket.close() };
}
