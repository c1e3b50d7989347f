import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "@playwright/test";
import type { DocumentSummary } from "#shared/http.ts";
import { addToManifest } from "../../../server/model-library/manifest.ts";
import { tinySource } from "../../../server/model-library/test-support/model-source.ts";
import { openTestHub, type TestHub } from "../../../server/model-library/test-support/test-hub.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { signIn } from "../../support/person.ts";
import { visit } from "../story/people.ts";

const ownModels = resolve(import.meta.dirname, "../../../models");

let modelsDir: string;
let hub: TestHub;
let server: TestApp;
test.beforeAll(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), "admin-models-"));
  await cp(join(ownModels, "tales"), join(modelsDir, "tales"), { recursive: true });
  await writeFile(join(modelsDir, "manifest.json"), '{"default":"tales","models":["tales"]}');
  hub = await openTestHub("openai-community/gpt2", tinySource());
  const config = { modelsDir, hub: { url: hub.url, token: undefined } };
  server = await startTestApp({ config, loadsModelAhead: true });
});
test.afterAll(async () => {
  await server?.close();
  await hub?.close();
  await rm(modelsDir, { recursive: true, force: true });
});

test("E16 U4: an admin adds a model, sees how far it is, stops it, goes on, and removes it", async ({
  browser,
}) => {
  test.setTimeout(180_000);
  const admin = await visit(browser, server.url, "admin@demo.test", "/admin/models");
  const { page } = admin;
  const table = page.getByRole("table", { name: "Models" });
  await expect(table.getByRole("row", { name: "tales" })).toContainText("the default");

  await test.step("only names of the hub can be asked for", async () => {
    await page.getByRole("button", { name: "Add a model…" }).click();
    const form = page.getByRole("dialog");
    const name = form.getByLabel(/Another GPT-2 on/);
    await name.fill("https://example.org/gpt2");
    await expect(form.getByRole("button", { name: "Add it" })).toBeDisabled();
    await name.fill("someone/else");
    await form.getByRole("button", { name: "Add it" }).click();
    const job = page.getByRole("listitem").filter({ hasText: "someone/else" });
    await expect(job.getByRole("alert")).toContainText("has no model someone/else");
    await job.getByRole("button", { name: "Discard" }).click();
    await expect(job).toHaveCount(0);
  });

  await test.step("it is stopped and gone on with", async () => {
    hub.manners.pauseMs = 250;
    await page.getByRole("button", { name: "Add a model…" }).click();
    await page.getByRole("button", { name: "Add gpt2", exact: true }).click();
    const job = page.getByRole("listitem").filter({ hasText: "openai-community/gpt2" });
    await expect(job).toContainText(/Downloading, .* of .*\/s, .* left/, { timeout: 15_000 });
    await job.getByRole("button", { name: "Stop" }).click();
    await expect(job).toContainText("Stopped. What has come is kept");
    hub.manners.pauseMs = 0;
    await job.getByRole("button", { name: "Resume" }).click();
    // It is converted and measured, which takes seconds, on a starved machine many.
    const added = table.getByRole("row", { name: "gpt2" });
    await expect(added).toContainText("apache-2.0", { timeout: 80_000 });
    await expect(job).toHaveCount(0);
    const card = join(modelsDir, "gpt2", "card.json");
    const quality = { meanKl: 2.3e-4, top1Agreement: 0.991, tokens: 4_000 };
    const measured = { ...JSON.parse(await readFile(card, "utf8")), precision: "int8", quality };
    await writeFile(card, JSON.stringify(measured));
    await page.reload();
    await expect(table.getByRole("row", { name: "gpt2" })).toContainText(
      "indistinguishable from the original: mean KL 2.3e-4",
    );
  });

  await test.step("its files can be checked, and it can be removed", async () => {
    const open = async (item: string) => {
      await page.getByRole("button", { name: "More for gpt2" }).click();
      await page.getByRole("menuitem", { name: item }).click();
      return page.getByRole("dialog");
    };
    const check = await open("Check its files");
    await check.getByRole("button", { name: "Check its files" }).click();
    await expect(check.getByRole("status")).toContainText("Whole: all");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("button", { name: "More for gpt2" })).toBeFocused();
    const removal = await open("Remove…");
    await expect(removal).toContainText("Remove gpt2 and its files?");
    await removal.getByRole("button", { name: "Remove it" }).click();
    await expect(table.getByRole("row", { name: "gpt2" })).toHaveCount(0);
  });
  await admin.close();
});

test("a writer chooses the model of the next run, and the run keeps it", async ({ browser }) => {
  const folder = join(modelsDir, "twin");
  await cp(join(ownModels, "tales"), folder, { recursive: true });
  const card = join(folder, "card.json");
  const promptTemplate = "<|endoftext|>[WP] {input} [RESPONSE] ";
  const twin = { ...JSON.parse(await readFile(card, "utf8")), id: "twin", name: "Twin" };
  await writeFile(card, JSON.stringify({ ...twin, promptTemplate }));
  await addToManifest(modelsDir, "twin", false);
  const sponsor = await signIn(server.url, "sponsor@demo.test");
  await expect
    .poll(async () => {
      const { models } = await sponsor.json<{ models: { id: string }[] }>("GET", "/api/models");
      return models.map(({ id }) => id);
    })
    .toEqual(["tales", "twin"]);
  const made = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "Two hands",
    body: "Once upon a time there was a mill by the river.",
  });
  const address = `/documents/${made.document.id}`;
  const writer = await visit(browser, server.url, "sponsor@demo.test", address);
  const { page } = writer;
  await page.getByRole("button", { name: "Panel" }).click();
  const choice = page.getByLabel("Model", { exact: true });
  await expect(choice).toHaveValue("tales");
  await choice.selectOption("twin");
  await expect(
    page.getByText("Trained on prompts, where {input} is your text: <|endoftext|>[WP]"),
  ).toBeVisible();
  // Few tokens: on a starved machine the model's process goes last.
  const length = page.getByRole("textbox", { name: "Length", exact: true });
  await length.fill("24");
  await length.press("Enter");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  const runOf = async () => {
    const path = `/api/documents/${made.document.id}`;
    return (await sponsor.json<{ document: DocumentSummary }>("GET", path)).document.run;
  };
  await expect.poll(async () => (await runOf())?.model).toBe("twin");
  await expect.poll(async () => (await runOf())?.state, { timeout: 30_000 }).toBe("finished");
  await expect(choice).toHaveValue("twin");
  await writer.close();
});
