import { expect, test } from "@playwright/test";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { type Visitor, visit } from "./people.ts";

/** What stands beside and under the text: the runs' bars, kept versions, the archive. */
test.describe
  .serial("the margin", () => {
    let server: TestApp;
    let sponsor: Visitor;
    let editor: Visitor;

    test.beforeAll(async ({ browser }) => {
      server = await startTestApp({ loadsModelAhead: true });
      sponsor = await visit(browser, server.url, "sponsor@demo.test");
      editor = await visit(browser, server.url, "editor@demo.test");
    });
    test.afterAll(async () => {
      await sponsor?.close();
      await editor?.close();
      await server?.close();
    });

    const bars = ({ page }: Visitor) =>
      page.getByRole("toolbar", { name: "What the model wrote" }).getByRole("button");
    const card = ({ page }: Visitor) => page.getByRole("tooltip").filter({ hasText: "Started by" });
    const state = ({ page }: Visitor) => page.getByTestId("run-state");

    test("a run that writes has a red bar beside its lines", async () => {
      const { page, manuscript } = sponsor;
      await page.getByRole("button", { name: "New document" }).click();
      await expect(page.getByRole("textbox", { name: "Title" })).toBeFocused();
      await page.keyboard.type("The winter mill");
      await page.keyboard.press("Enter");
      await page.keyboard.type("A person wrote this paragraph.");
      await page.keyboard.press("Enter");
      await page.keyboard.type("Once upon a time");
      await page.keyboard.press("Control+Backslash");
      await page.getByRole("switch", { name: "Endless" }).click();
      await page.keyboard.press("Control+Backslash");
      await page.keyboard.press("Control+Enter");
      await expect(bars(sponsor)).toHaveAttribute("data-live", "true");
      // The engine's thread has a low priority: what else the machine does goes first.
      await expect
        .poll(() => manuscript.locator("p").count(), { timeout: 30_000 })
        .toBeGreaterThan(2);
      await page.keyboard.press("Control+Period");
      await expect(state(sponsor)).toHaveText("Stopped by you");
      await expect(bars(sponsor)).toHaveAttribute("data-live", "false");
      const words = manuscript.locator(".run");
      const bar = () => bars(sponsor).boundingBox();
      const first = await words.first().boundingBox();
      await expect
        .poll(async () => Math.abs(((await bar())?.y ?? 0) - (first?.y ?? 0)))
        .toBeLessThan(8);
      const last = await words.last().boundingBox();
      const end = (last?.y ?? 0) + (last?.height ?? 0);
      await expect
        .poll(async () => {
          const box = await bar();
          return Math.abs((box?.y ?? 0) + (box?.height ?? 0) - end);
        })
        .toBeLessThan(8);
      const text = await manuscript.boundingBox();
      expect((await bar())?.x).toBeLessThan(text?.x ?? 0);
    });

    test("its card says who, when, how much and how it ended; also by keyboard", async () => {
      const { page } = sponsor;
      await bars(sponsor).hover();
      await expect(card(sponsor)).toContainText("Started byyou");
      await expect(card(sponsor)).toContainText(/\d+ tokens/);
      await expect(card(sponsor)).toContainText("EndedStopped by you");
      await page.mouse.move(900, 700);
      await expect(card(sponsor)).toHaveCount(0);
      await sponsor.manuscript.click();
      await page.keyboard.press("Tab");
      await expect(bars(sponsor)).toBeFocused();
      await expect(card(sponsor)).toBeVisible();
      await page.keyboard.press("Escape");
      await expect(card(sponsor)).toHaveCount(0);
    });

    test("a second run has a bar of its own, and the arrow keys lead from one to the other", async () => {
      const { page } = sponsor;
      await sponsor.manuscript.click();
      await page.keyboard.press("Control+End");
      await page.keyboard.type(" Ana wrote this.");
      await page.keyboard.press("Enter");
      await page.keyboard.type("A long time ago");
      await page.keyboard.press("Control+Enter");
      await expect(bars(sponsor)).toHaveCount(2);
      await bars(sponsor).last().hover();
      await expect(card(sponsor)).toContainText("StateWriting now");
      await page.mouse.move(900, 700);
      await expect(card(sponsor)).toHaveCount(0);
      await page.keyboard.press("Control+Period");
      await expect(state(sponsor)).toHaveText("Stopped by you");
      await bars(sponsor).first().focus();
      await page.keyboard.press("ArrowDown");
      await expect(bars(sponsor).last()).toBeFocused();
      await page.keyboard.press("Home");
      await expect(bars(sponsor).first()).toBeFocused();
    });

    test("U11: from Start to its first words a page asks the server for nothing about the document", async () => {
      const { page } = sponsor;
      const startedAt = await page.evaluate(() => performance.now());
      await page.evaluate(`void (globalThis.firstWords = new Promise((resolve) => {
        const text = document.querySelector(".ProseMirror");
        const before = text.textContent.length;
        const observer = new MutationObserver(() => {
          if (text.textContent.length <= before) return;
          observer.disconnect();
          resolve(performance.now());
        });
        observer.observe(text, { subtree: true, childList: true, characterData: true });
      }))`);
      await page.keyboard.press("Control+Enter");
      const shownAt = await page.evaluate<number>("firstWords");
      await page.keyboard.press("Control+Period");
      await expect(state(sponsor)).toHaveText("Stopped by you");
      const asked = await page.evaluate(() =>
        performance
          .getEntriesByType("resource")
          .filter(({ name }) => name.includes("/api/documents"))
          .map(({ startTime }) => startTime),
      );
      expect(asked.filter((at) => at > startedAt && at < shownAt)).toEqual([]);
      expect(asked.length).toBeGreaterThan(0);
    });

    test("U4: a phone has no margin and so no bars, and what opens stays within its width", async () => {
      await sponsor.page.setViewportSize({ width: 390, height: 844 });
      await expect(bars(sponsor).first()).toBeHidden();
      const { page } = sponsor;
      await page.getByRole("button", { name: "Share" }).click();
      const add = await page.getByRole("button", { name: "Add" }).boundingBox();
      expect((add?.x ?? 0) + (add?.width ?? 0)).toBeLessThanOrEqual(390 - 8);
      await page.keyboard.press("Escape");
      await sponsor.page.setViewportSize({ width: 1280, height: 800 });
      await expect(bars(sponsor).first()).toBeVisible();
    });

    test("a version is kept under a name", async () => {
      const { page } = sponsor;
      await page.keyboard.press("Control+Backslash");
      await page.getByRole("tab", { name: "Versions" }).click();
      await page.getByLabel("Name of this version").fill("Before the flood");
      await page.getByRole("button", { name: "Keep this version" }).click();
      await expect(page.getByRole("listitem").first()).toContainText("Before the flood");
      await expect(page.getByRole("button", { name: /^Restore Before the flood/ })).toBeVisible();
      await expect(page.getByLabel("Name of this version")).toHaveValue("");
      // Those that a run keeps come by themselves.
      await page.keyboard.press("Control+Enter");
      await expect(page.getByRole("listitem").first()).toContainText("Before the model wrote");
      await page.keyboard.press("Control+Enter");
      await expect(page.getByRole("listitem").first()).toContainText("When the model paused");
      await page.keyboard.press("Control+Period");
      await expect(page.getByRole("listitem").first()).toContainText("When the model had written");
      await page.keyboard.press("Control+Backslash");
    });

    test("A8 U3: archived, it can be read by all and changed by none; brought back, it is as it was", async () => {
      const { page } = sponsor;
      await page.getByRole("button", { name: "Share" }).click();
      await page.getByLabel("Email").fill("editor@demo.test");
      await page.getByRole("button", { name: "Add" }).click();
      await expect(page.getByText("editor@demo.test")).toBeVisible();
      await page.keyboard.press("Escape");
      await editor.openDocument("The winter mill");
      await expect(editor.manuscript).toHaveAttribute("contenteditable", "true");
      await page.getByRole("button", { name: "More", exact: true }).click();
      await page.getByRole("menuitem", { name: "Archive" }).click();
      await expect(page.getByText("Archived. Nobody can change it until you")).toBeVisible();
      await expect(
        editor.page.getByText("Archived. Nobody can change it until Sofia"),
      ).toBeVisible();
      for (const person of [sponsor, editor]) {
        await expect(person.manuscript).toHaveAttribute("contenteditable", "false");
        await expect(person.page.getByRole("button", { name: "Start", exact: true })).toHaveCount(
          0,
        );
      }
      await expect(editor.page.getByRole("button", { name: "Bring it back" })).toHaveCount(0);

      await page.getByRole("button", { name: "Bring it back" }).click();
      await expect(page.getByRole("button", { name: "Start", exact: true })).toBeVisible();
      await expect(editor.manuscript).toHaveAttribute("contenteditable", "true");
      await editor.manuscript.click();
      await editor.page.keyboard.press("Control+Home");
      await editor.page.keyboard.type("Again: ");
      await expect(sponsor.manuscript).toContainText("Again: A person wrote");
      await expect(editor.page.getByTestId("save-state")).toHaveText("Saved");
    });
  });
