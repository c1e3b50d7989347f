import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "@playwright/test";
import type { DocumentSummary } from "#shared/http.ts";
import { noEngineSettings } from "../../../server/config/engines-file.ts";
import { talesCard, talesFolder } from "../../../server/inference/test-support/tales.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { signIn } from "../../support/person.ts";
import { visit } from "../story/people.ts";

const ownModels = resolve(import.meta.dirname, "../../../models");

let modelsDir: string;
let server: TestApp;
test.beforeAll(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), "unusable-models-"));
  await cp(join(ownModels, "tales"), join(modelsDir, "tales"), { recursive: true });
  await mkdir(join(modelsDir, "broken"));
  await writeFile(join(modelsDir, "broken", "card.json"), '{"id": "broken", "graphs": [');
  const manifest = { default: "tales", models: ["tales", "broken"] };
  await writeFile(join(modelsDir, "manifest.json"), JSON.stringify(manifest));
  const { contextTokens, vocabularySize, endOfTextId, parameters } = talesCard;
  const about = { contextTokens, vocabularySize, endOfTextId, parameters };
  const engines = {
    ...noEngineSettings,
    models: [{ id: "tales-far", name: "Tales, far away", folder: talesFolder, ...about }],
    engines: [
      {
        name: "far",
        model: "tales-far",
        // Nothing listens there.
        url: "http://127.0.0.1:9",
        kind: "vllm" as const,
        remoteModel: "tales",
        apiKey: undefined,
        places: 1,
        prompt: "tokens" as const,
        connectTimeoutMs: 1_000,
        firstTokenTimeoutMs: 1_000,
        tokenTimeoutMs: 1_000,
      },
    ],
  };
  server = await startTestApp({ config: { modelsDir, engines }, loadsModelAhead: true });
});
test.afterAll(async () => {
  await server?.close();
  await rm(modelsDir, { recursive: true, force: true });
});

test("E34 U4: an admin sees which model cannot be used, why and what to do, and removes it", async ({
  browser,
}) => {
  const admin = await visit(browser, server.url, "admin@demo.test", "/admin/models");
  const { page } = admin;
  const table = page.getByRole("table", { name: "Models" });
  const broken = table.getByRole("row", { name: "broken" });
  await expect(broken).toContainText("It cannot be used; the other models write on.");
  await expect(broken).toContainText("it is not JSON. Remove the model and add it again.");
  await expect(table.getByRole("row", { name: "Tales, far away" })).toContainText(
    "its engine is away",
  );
  await page.getByRole("button", { name: "More for broken" }).click();
  await expect(page.getByRole("menuitem", { name: "Make it the default…" })).toHaveCount(0);
  await page.getByRole("menuitem", { name: "Remove…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await expect(broken).toHaveCount(0);
  await admin.close();
});

test("E34: a writer sees before a Start that a model's engine is away", async ({ browser }) => {
  const sponsor = await signIn(server.url, "sponsor@demo.test");
  const made = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "Far away",
    body: "Once upon a time.",
  });
  const address = `/documents/${made.document.id}`;
  const visitor = await visit(browser, server.url, "sponsor@demo.test", address);
  const { page } = visitor;
  await page.getByRole("button", { name: "Panel" }).click();
  const choice = page.getByLabel("Model", { exact: true });
  await expect(choice).toHaveValue("tales");
  const away = choice.getByRole("option", { name: "Tales, far away" });
  await expect(away).toHaveText("Tales, far away, tiny: away now");
  await expect(away).toBeDisabled();
  await visitor.close();
});
