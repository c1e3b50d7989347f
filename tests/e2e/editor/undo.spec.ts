import { expect, type Page } from "@playwright/test";
import { numberedWords, test } from "./editor-page.ts";

const story = "Once there was a bear.\nHe lived by a river.\nThe end of it.\n";

/** The browser's own Undo, as its menu gives it to the page. */
async function browserUndo(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const key = { key: "Undo", code: "Undo", windowsVirtualKeyCode: 0 };
  await session.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...key, commands: ["undo"] });
  await session.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
  await session.detach();
}

const selection = (page: Page) => page.evaluate(() => harness.selection(0));
const text = (page: Page) => page.evaluate(() => harness.text());

/** Moves as the key does, and waits until the editor has heard of it: it does a task later. */
async function moveTo(page: Page, key: string, offset: number): Promise<void> {
  await page.keyboard.press(key);
  await expect.poll(() => page.evaluate(() => harness.caret(0))).toBe(offset);
}

test.beforeEach(async ({ editors }) => {
  await editors.evaluate((opening) => harness.open({ text: opening }), story);
});

test("D8: undo gives back the caret of before the typing, redo the one of after it", async ({
  editors,
}) => {
  const bear = story.indexOf("bear");
  await editors.evaluate((offset) => harness.focus(0, offset), bear);
  await editors.keyboard.type("big ");
  await moveTo(editors, "Control+End", story.length + 3);
  await editors.keyboard.press("Control+z");
  await expect.poll(() => text(editors)).toBe(story);
  expect(await selection(editors)).toEqual({ anchor: bear, head: bear });
  await editors.keyboard.type("old ");
  await expect.poll(() => text(editors)).toContain("a old bear");
  await editors.keyboard.press("Control+z");
  await expect.poll(() => text(editors)).toBe(story);
  await editors.keyboard.press("Control+Shift+z");
  await expect.poll(() => text(editors)).toContain("a old bear");
  expect(await selection(editors)).toEqual({ anchor: bear + 4, head: bear + 4 });
});

test("D8: undoing a deletion selects what was selected, though others wrote above it", async ({
  editors,
}) => {
  const from = story.indexOf("lived");
  await editors.evaluate((offset) => harness.focus(0, offset), from);
  for (let step = 1; step <= "lived".length; step++)
    await moveTo(editors, "Shift+ArrowRight", from + step);
  await editors.keyboard.press("Delete");
  await editors.evaluate(() => harness.edit({ offset: 0, inserted: "Well. " }));
  await expect.poll(() => editors.evaluate(() => harness.shown(0))).toContain("Well.");
  await editors.keyboard.press("Control+z");
  await expect.poll(() => text(editors)).toBe(`Well. ${story}`);
  expect(await selection(editors)).toEqual({ anchor: from + 6, head: from + 6 + "lived".length });
});

test("D8: what was typed at two places is undone in two steps", async ({ editors }) => {
  await editors.evaluate(() => harness.focus(0, 0));
  await editors.keyboard.type("First. ");
  await moveTo(editors, "Control+End", story.length + 6);
  await editors.keyboard.type(" Second.");
  await editors.keyboard.press("Control+z");
  await expect.poll(() => text(editors)).toBe(`First. ${story}`);
  await editors.keyboard.press("Control+z");
  await expect.poll(() => text(editors)).toBe(story);
});

test("D8: undo takes nothing of what the model writes meanwhile", async ({ editors }) => {
  await editors.evaluate((offset) => harness.focus(0, offset), story.indexOf("bear"));
  await editors.keyboard.type("big ");
  await editors.evaluate(
    (words) => harness.stream({ words, offset: harness.text().length - 1, intervalMs: 10 }),
    numberedWords(20),
  );
  await editors.keyboard.press("Control+z");
  await expect
    .poll(() => text(editors))
    .toBe(story.replace(/\n$/, `${numberedWords(20).join("")}\n`));
});

test("D8: the browser's own undo and redo are the manuscript's", async ({ editors }) => {
  await editors.evaluate(() => harness.focus(0, 4));
  await editors.keyboard.type(" upon a time");
  await editors.evaluate(() => harness.edit({ offset: 0, inserted: "Well. " }));
  await expect.poll(() => editors.evaluate(() => harness.shown(0))).toContain("Well.");
  await browserUndo(editors);
  await expect.poll(() => text(editors)).toBe(`Well. ${story}`);
  expect(await selection(editors)).toEqual({ anchor: 10, head: 10 });
  // The browser has nothing to redo, for its own undo was not let through; a gesture still asks.
  await editors.evaluate(() => harness.input(0, "historyRedo"));
  await expect.poll(() => text(editors)).toContain("Well. Once upon a time there");
  expect(await editors.evaluate(() => harness.healed())).toBe(0);
});
