import { expect } from "@playwright/test";
import { numberedWords, test } from "./editor-page.ts";

const story = "Once there was a bear.\nHe lived by a river.\nThe end of it.\n";

test.beforeEach(async ({ editors }) => {
  await editors.evaluate((text) => harness.open({ text, people: 1 }), story);
});

test("what lies outside the model's window is dimmed, and nothing where it sees all", async ({
  editors,
}) => {
  const dimmed = editors.locator(".outside-window");
  await editors.evaluate((offset) => harness.showWindow(offset), story.indexOf("The end"));
  await expect(dimmed).toHaveText(["Once there was a bear.", "He lived by a river."]);
  const colour = (selector: string) =>
    editors.evaluate((found) => harness.style(found, "color"), selector);
  expect(await colour(".outside-window")).not.toBe(await colour(".ProseMirror > p:last-child"));
  await editors.evaluate(() => harness.edit({ offset: 5, inserted: "upon a time " }));
  await expect(dimmed).toHaveText(["Once upon a time there was a bear.", "He lived by a river."]);
  await editors.evaluate(() => harness.showWindow(null));
  await expect(dimmed).toHaveCount(0);
});

test("a re-reading sweeps once from the edit to the model's caret", async ({ editors }) => {
  await editors.evaluate((offset) => harness.showModel(offset), story.length - 1);
  const river = story.indexOf("river");
  await editors.evaluate((offset) => harness.edit({ offset, deleted: 5, inserted: "lake" }), river);
  await expect.poll(() => editors.evaluate(() => harness.shown(0))).toContain("lake");
  await editors.evaluate(() => harness.showReread());
  const swept = editors.locator(".reread-sweep");
  await expect(swept).toHaveText(["lake.", "The end of it."]);
  await expect(swept).toHaveCount(0);
});

test("the model's newest words come in, those of before have come", async ({ editors }) => {
  // Each once the one before is there and its time is over: a starved page may get two at once.
  for (const word of numberedWords(4)) {
    await editors.evaluate(
      (words) => harness.stream({ words, offset: harness.text().length - 1, intervalMs: 10 }),
      [word],
    );
    await expect(editors.locator(".fresh-words")).toHaveText([word]);
    await editors.waitForTimeout(150);
  }
});

for (const [reducedMotion, moves] of [
  ["no-preference", true],
  ["reduce", false],
] as const) {
  test(`U4: with ${reducedMotion} for motion, words ${moves ? "fade in" : "stand there at once"}`, async ({
    editors,
  }) => {
    await editors.emulateMedia({ reducedMotion });
    await editors.evaluate(
      (words) => harness.stream({ words, offset: harness.text().length - 1, intervalMs: 10 }),
      numberedWords(1),
    );
    const animation = await editors.evaluate(() => harness.style(".fresh-words", "animation-name"));
    expect(animation).toBe(moves ? "manuscript-come-in" : "none");
  });
}
