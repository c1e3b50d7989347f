import { expect, test } from "@playwright/test";
import type { DocumentSummary } from "#shared/http.ts";
import { defaultSampling } from "#shared/sampling.ts";
import { startTestApp } from "../../support/app.ts";
import { signIn } from "../../support/person.ts";
import { visit } from "./people.ts";

test("U4: every setting can be chosen in the panel, and a run that was started carries it", async ({
  browser,
}) => {
  const server = await startTestApp({ loadsModelAhead: true });
  try {
    const visitor = await visit(browser, server.url, "sponsor@demo.test");
    const { page, manuscript } = visitor;
    await page.getByRole("button", { name: "New document" }).click();
    await expect(page.getByRole("textbox", { name: "Title" })).toBeFocused();
    await page.keyboard.type("The careful fox");
    await page.keyboard.press("Enter");
    await expect(manuscript).toBeFocused();
    await page.keyboard.type("Once upon a time there was a fox who lived in the wood.");
    await page.keyboard.press("Control+Backslash");
    const panel = page.getByRole("complementary");
    await panel.getByText("Finer settings").click();

    // A preset for the whole: beams, and what belongs to them alone.
    await panel.getByRole("button", { name: "Snippet" }).click();
    await expect(panel.getByRole("button", { name: "Snippet" })).toHaveAttribute(
      "aria-pressed",
      "true",
    );
    await expect(panel.getByRole("textbox", { name: "Length", exact: true })).toHaveValue("100");
    await expect(panel.getByRole("slider", { name: "Beams" })).toBeVisible();
    await expect(panel.getByRole("slider", { name: "Top-k" })).toHaveCount(0);
    await expect(panel.getByRole("switch", { name: "Endless" })).toHaveCount(0);

    // Each setting of its own. Few tokens: on a starved machine the model's process goes last.
    const length = panel.getByRole("textbox", { name: "Length", exact: true });
    await length.fill("24");
    await length.press("Enter");
    await panel.getByText("Sample", { exact: true }).click();
    await expect(panel.getByRole("slider", { name: "Typical-p" })).toBeVisible();
    await panel.getByText("Sentence", { exact: true }).click();
    await expect(panel.getByText("Finishes the sentence that it is in")).toBeVisible();
    await panel.getByRole("combobox", { name: "Banned words" }).fill("king");
    await page.keyboard.press("Enter");
    await page.keyboard.type("so, then");
    await page.keyboard.press("Enter");
    await expect(panel.getByText("so, then", { exact: true })).toBeVisible();
    await panel.getByRole("textbox", { name: "Token id" }).click();
    await page.keyboard.type("11");
    await panel.getByRole("textbox", { name: "Bias" }).click();
    await page.keyboard.type("-0.25");
    await panel.getByRole("button", { name: "Add", exact: true }).click();
    const biases = panel.getByRole("list", { name: "Token biases" });
    await expect(biases).toContainText("Token 11-0.25");
    // The keyboard goes on with the next one; what lies outside the limits is not taken.
    await expect(panel.getByRole("textbox", { name: "Token id" })).toBeFocused();
    await page.keyboard.type("198");
    await page.keyboard.press("Tab");
    await page.keyboard.type("500");
    await page.keyboard.press("Enter");
    await expect(biases).not.toContainText("500");
    const presence = panel.getByRole("textbox", { name: "Presence penalty, as a number" });
    await presence.selectText();
    await page.keyboard.type("0.45");
    await page.keyboard.press("Enter");
    await expect(presence).toHaveValue("0.45");
    const seed = panel.getByRole("textbox", { name: "Seed", exact: true });
    await seed.fill("3");
    await seed.press("Enter");

    await page.getByRole("button", { name: "Start", exact: true }).click();
    await expect(page.getByTestId("run-state")).toHaveText(/^Finished, \d+ tokens written$/, {
      timeout: 45_000,
    });
    const text = await visitor.text();
    expect(text.slice(text.indexOf("wood."))).not.toMatch(/\bking\b/i);
    expect(await samplingOfRun(server.url, page.url())).toEqual({
      ...defaultSampling,
      maxTokens: 24,
      repetitionPenalty: 1,
      stopAt: "sentence",
      bannedWords: ["king", "so, then"],
      logitBias: { 11: -0.25 },
      presencePenalty: 0.45,
      seed: 3,
    });

    // The next run is offered as this one was.
    await page.reload();
    await panel.getByText("Finer settings").click();
    await expect(panel.getByText("Finishes the sentence that it is in")).toBeVisible();
    await panel.getByRole("button", { name: "Take away the bias of token 11" }).click();
    await expect(panel.getByRole("list", { name: "Token biases" })).toHaveCount(0);
    await visitor.close();
  } finally {
    await server.close();
  }
});

/** How the document's run was told to write, as the server has it. */
async function samplingOfRun(url: string, documentUrl: string) {
  const sponsor = await signIn(url, "sponsor@demo.test");
  const path = `/api${new URL(documentUrl).pathname}`;
  const { document } = await sponsor.json<{ document: DocumentSummary }>("GET", path);
  return document.run?.sampling;
}
