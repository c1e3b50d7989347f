import { expect, type Page } from "@playwright/test";
import { test } from "./editor-page.ts";

const story = "Once there was a bear.\nHe lived by a river.\nThe end of it.\n";

/** Selects `words`, which begin at `offset`, in the first editor. */
async function select(page: Page, offset: number, words: string): Promise<void> {
  await page.evaluate((at) => harness.focus(0, at), offset);
  for (let step = 1; step <= words.length; step++) {
    await page.keyboard.press("Shift+ArrowRight");
    await expect.poll(() => page.evaluate(() => harness.caret(0))).toBe(offset + step);
  }
}

test("D9: two people write one title; a remote change leaves the caret at its letter", async ({
  editors,
}) => {
  await editors.evaluate((text) => harness.open({ text, titled: true }), story);
  const [first, second] = [0, 1].map((index) => editors.getByLabel("Title").nth(index));
  await first?.fill("A bear");
  await expect(second ?? editors.locator("none")).toHaveValue("A bear");
  await second?.focus();
  await editors.keyboard.press("Home");
  await editors.keyboard.type("The tale of ");
  await expect(first ?? editors.locator("none")).toHaveValue("The tale of A bear");
  await first?.focus();
  await editors.keyboard.type("!");
  await expect.poll(() => editors.evaluate(() => harness.title())).toBe("The tale of A bear!");
});

test("D9: Enter in the title goes to the text and adds nothing to it", async ({ editors }) => {
  await editors.evaluate((text) => harness.open({ text, titled: true }), story);
  await editors.getByLabel("Title").first().fill("A bear");
  await editors.keyboard.press("Enter");
  await expect(editors.locator(".ProseMirror").first()).toBeFocused();
  expect(await editors.evaluate(() => harness.text())).toBe(story);
});

test("D1: text dragged within the manuscript moves, for everybody", async ({ editors }) => {
  await editors.evaluate((text) => harness.open({ text }), story);
  const from = story.indexOf("bear");
  const word = await editors.evaluate((offset) => harness.point(0, offset), from + 1);
  const target = await editors.evaluate((offset) => harness.point(0, offset), story.indexOf("end"));
  await select(editors, from, "bear");
  await editors.mouse.move(word.x + 4, word.y);
  await editors.mouse.down();
  await editors.mouse.move(word.x + 24, word.y + 4, { steps: 5 });
  await editors.mouse.move(target.x, target.y - 4, { steps: 5 });
  await editors.mouse.move(target.x, target.y, { steps: 5 });
  await editors.mouse.up();
  await expect
    .poll(() => editors.evaluate(() => harness.text()))
    .toBe("Once there was a .\nHe lived by a river.\nThe bearend of it.\n");
  const text = await editors.evaluate(() => harness.text());
  await expect.poll(() => editors.evaluate(() => harness.shown(1))).toBe(text);
  expect(await editors.evaluate(() => harness.healed())).toBe(0);
});

test("D1: a word that the spelling checker replaces is replaced once, for everybody", async ({
  editors,
}) => {
  await editors.evaluate((text) => harness.open({ text }), story.replace("lived", "livd"));
  const from = story.indexOf("lived");
  await select(editors, from, "livd");
  // What Chromium does for a suggestion: it asks the page, and changes the DOM where it may.
  const allowed = await editors.evaluate(() => harness.input(0, "insertReplacementText", "lived"));
  expect(allowed).toBe(true);
  await editors.keyboard.insertText("lived");
  await expect.poll(() => editors.evaluate(() => harness.text())).toBe(story);
  await expect.poll(() => editors.evaluate(() => harness.shown(1))).toBe(story);
});

for (const [name, inserted, wanted] of [
  ["half a character", "x\ud83dy", "xy"],
  ["NUL", "x\0y", "xy"],
  ["a whole emoji", "x\ud83d\ude00y", "x\ud83d\ude00y"],
] as const) {
  test(`D3: ${name} put in by the page or the clipboard leaves well-formed text`, async ({
    editors,
  }) => {
    await editors.evaluate((text) => harness.open({ text }), story);
    await editors.evaluate(() => harness.focus(0, 4));
    await editors.evaluate((text) => harness.insertText(0, text), inserted);
    await expect
      .poll(() => editors.evaluate(() => harness.text()))
      .toBe(story.replace("Once", `Once${wanted}`));
    await editors.evaluate((text) => harness.paste(0, { text }), inserted);
    await expect
      .poll(() => editors.evaluate(() => harness.shown(1)))
      .toBe(story.replace("Once", `Once${wanted}${wanted}`));
    expect(await editors.evaluate(() => harness.healed())).toBe(0);
  });
}
