import { expect, test } from "@playwright/test";
import { type ServerProcess, startServerProcess } from "../../support/server-process.ts";
import { type Visitor, visit } from "./people.ts";

const title = "The mill by the river";
const opening = "Once upon a time there was a mill by the river. The miller had three sons.";

/** The whole story, step by step, with three people in three browsers and one real server. */
test.describe
  .serial("a sponsor, an editor and a watcher write with the model", () => {
    let server: ServerProcess;
    let sponsor: Visitor;
    let editor: Visitor;
    let watcher: Visitor;
    const everybody = () => [sponsor, editor, watcher];

    test.beforeAll(async ({ browser }) => {
      server = await startServerProcess(undefined, { compiled: true });
      sponsor = await visit(browser, server.url, "sponsor@demo.test");
      editor = await visit(browser, server.url, "editor@demo.test");
      watcher = await visit(browser, server.url, "sponsor2@demo.test");
    });
    test.afterAll(async () => {
      await Promise.all(everybody().map((person) => person?.close()));
      await server?.close();
    });

    const state = (person: Visitor) => person.page.getByTestId("run-state");
    const button = (person: Visitor, name: string) =>
      person.page.getByRole("button", { name, exact: true });

    async function grows(person: Visitor) {
      const before = (await person.text()).length;
      await expect.poll(async () => (await person.text()).length).toBeGreaterThan(before);
    }

    test("the sponsor creates a document and writes its opening", async () => {
      await button(sponsor, "New document").first().click();
      const titleBox = sponsor.page.getByRole("textbox", { name: "Title" });
      await titleBox.fill(title);
      await sponsor.manuscript.click();
      await sponsor.page.keyboard.type(opening);
      await expect(sponsor.page.getByTestId("save-state")).toHaveText(/Saved/);
    });

    test("A1: the sponsor assigns an editor and a watcher by email", async () => {
      await button(sponsor, "Share").click();
      for (const [email, role] of [
        ["editor@demo.test", "Editor"],
        ["sponsor2@demo.test", "Watcher"],
      ] as const) {
        await sponsor.page.getByRole("textbox", { name: "Email" }).fill(email);
        await sponsor.page.getByLabel("Role").selectOption({ label: role });
        await button(sponsor, "Add").click();
        await expect(sponsor.page.getByText(email)).toBeVisible();
      }
      await sponsor.page.keyboard.press("Escape");
      await editor.openDocument(title);
      await watcher.openDocument(title);
      await expect(editor.manuscript).toContainText("three sons");
      await expect(watcher.manuscript).toContainText("three sons");
    });

    test("U3: a watcher finds nothing to press, an editor may not start", async () => {
      for (const name of ["Start", "Pause", "Resume", "Stop", "Share"])
        await expect(button(watcher, name)).toHaveCount(0);
      await expect(button(editor, "Start")).toHaveCount(0);
      await expect(watcher.manuscript).toHaveAttribute("contenteditable", "false");
    });

    test("R8: Start streams the model's words to all three at once", async () => {
      await button(sponsor, "Panel").click();
      await sponsor.page.getByRole("switch", { name: "Endless" }).click();
      await button(sponsor, "Panel").click();
      await button(sponsor, "Start").click();
      await expect(state(sponsor)).toContainText("Writing");
      for (const person of everybody()) await grows(person);
    });

    test("R4: the editor changes a sentence above while the model streams", async () => {
      await editor.manuscript.getByText("three sons").click();
      await editor.page.keyboard.press("Home");
      await editor.page.keyboard.type("It was winter. ");
      await expect(sponsor.manuscript).toContainText("It was winter.");
      await expect(watcher.manuscript).toContainText("It was winter.");
      await grows(watcher);
    });

    test("R3: the editor pauses; who did it is said, and no more text comes", async () => {
      await button(editor, "Pause").click();
      await expect(state(sponsor)).toContainText("Paused by Edith");
      await expect(button(editor, "Resume")).toBeVisible();
      const still = await editor.text();
      await expect.poll(() => sponsor.text()).toBe(still);
      await expect.poll(() => watcher.text()).toBe(still);
    });

    test("R7: edits made while it pauses stay, and Resume goes on from them", async () => {
      await editor.manuscript.click();
      await editor.page.keyboard.press("Control+End");
      await editor.page.keyboard.type(" Then the youngest son said:");
      await expect(sponsor.manuscript).toContainText("the youngest son said:");
      await button(editor, "Resume").click();
      await expect(state(sponsor)).toContainText("Writing");
      await expect
        .poll(async () => (await watcher.text()).split("the youngest son said:")[1]?.length ?? 0)
        .toBeGreaterThan(20);
    });

    test("U2: a reload in mid-stream and the back button lose nothing", async () => {
      const before = await watcher.text();
      await watcher.page.reload();
      await expect(watcher.manuscript).toContainText(before.slice(0, 60));
      await expect
        .poll(async () => (await watcher.text()).length)
        .toBeGreaterThanOrEqual(before.length);
      await editor.page.goBack();
      await expect(editor.page.getByRole("heading", { name: "Documents" })).toBeVisible();
      await editor.page.goForward();
      await expect(editor.manuscript).toContainText("the youngest son said:");
    });

    test("O4 R9: killed in mid-stream, nothing that anyone saw is gone and the run waits", async () => {
      await grows(watcher);
      await server.killHard();
      const seen = await watcher.text();
      await expect(editor.page.getByTestId("save-state")).toContainText(/Offline|Reconnecting/);
      await editor.manuscript.click();
      await editor.page.keyboard.press("Control+Home");
      await editor.page.keyboard.type("Written while away. ");
      await server.start();
      await expect(state(sponsor)).toContainText(/[Ii]nterrupted/, { timeout: 20_000 });
      await expect(sponsor.manuscript).toContainText("Written while away.", { timeout: 20_000 });
      for (const person of everybody())
        await expect
          .poll(async () => (await person.text()).replace("Written while away. ", ""))
          .toContain(seen);
      await expect(editor.page.getByTestId("save-state")).toHaveText(/Saved/);
    });

    test("R7: after the crash a person's Resume goes on; Stop ends it for all", async () => {
      await button(sponsor, "Resume").click();
      await grows(watcher);
      await button(sponsor, "Stop").click();
      await expect(state(editor)).toContainText("Stopped");
      await expect(button(sponsor, "Start")).toBeVisible();
      const texts = await Promise.all(everybody().map((person) => person.text()));
      expect(new Set(texts).size).toBe(1);
    });
  });
