import { expect } from "@playwright/test";
import { numberedWords, test } from "./editor-page.ts";

const story = "Once there was a bear.\nHe lived by a river.\nThe end of it.\n";

test("D7: a click right after typing lands where it was made, while the model streams", async ({
  editors,
}) => {
  await editors.evaluate((text) => harness.open({ text }), story);
  const streamed = editors.evaluate(
    (words) => harness.stream({ words, offset: harness.text().length - 1, intervalMs: 20 }),
    numberedWords(150),
  );
  for (let round = 0; round < 15; round++) {
    const first = await editors.evaluate(() => harness.point(0, harness.shown(0).indexOf("river")));
    await editors.mouse.click(first.x, first.y);
    await editors.keyboard.type("x");
    const second = await editors.evaluate(() => harness.point(0, harness.shown(0).indexOf("bear")));
    await editors.mouse.click(second.x, second.y);
    await editors.keyboard.type("y");
  }
  await streamed;
  // The editor hears of the last key a task later, when on a starved machine the stream is over.
  await expect
    .poll(() => editors.evaluate(() => harness.text()))
    .toContain(`${"y".repeat(15)}bear`);
  const text = await editors.evaluate(() => harness.text());
  expect(text).toContain(`${"x".repeat(15)}river`);
  expect(text).toContain(numberedWords(150).join(""));
  await expect
    .poll(() => editors.evaluate(() => [harness.shown(0), harness.shown(1)]))
    .toEqual([text, text]);
  expect(await editors.evaluate(() => harness.healed())).toBe(0);
});

test("a click that the editor has not heard of yet survives a remote change", async ({
  editors,
}) => {
  await editors.evaluate((text) => harness.open({ text }), story);
  await editors.evaluate(() => harness.focus(0, 2));
  const caret = await editors.evaluate(() => harness.clickThenReceive(0, 30, "New "));
  expect(caret).toBe(34);
  await editors.keyboard.type("Z");
  expect((await editors.evaluate(() => harness.shown(0))).indexOf("Z")).toBe(34);
});

test("D7: a click that the editor has not heard of yet survives the sweep of a re-reading", async ({
  editors,
}) => {
  await editors.evaluate((text) => harness.open({ text }), story);
  const end = story.length - 1;
  await editors.evaluate((offset) => harness.showModel(offset), end);
  await editors.evaluate(
    (offset) => harness.stream({ words: [" one", " two"], offset, intervalMs: 5 }),
    end,
  );
  const river = story.indexOf("river");
  await editors.evaluate((offset) => harness.edit({ offset, deleted: 5, inserted: "lake" }), river);
  await expect.poll(() => editors.evaluate(() => harness.shown(0))).toContain("lake");
  await editors.evaluate(() => harness.focus(0, 2));
  const swept = editors.locator(".reread-sweep");
  await expect(swept).toHaveCount(0);
  expect(await editors.evaluate(() => harness.clickThenSweep(0, 10))).toEqual({
    caret: 10,
    swept: "lake.The end of it. one two",
  });
  await editors.keyboard.type("Z");
  // The sweep's end is drawn as well.
  await expect(swept).toHaveCount(0);
  await editors.keyboard.type("Y");
  expect((await editors.evaluate(() => harness.shown(0))).slice(9, 13)).toBe(
    `${story[9]}ZY${story[10]}`,
  );
});

const divisions = [
  {
    name: "Enter inside the model's paragraph",
    modelAt: story.indexOf("\n"),
    caretBefore: " w5 ",
    key: "Enter",
    leaves: /\bw4\n w5\b/,
    streamed: numberedWords(60).join("").replace(" w5 ", "\n w5 "),
  },
  {
    name: "joining the model's paragraph with its neighbour",
    modelAt: story.lastIndexOf("\nThe end"),
    caretBefore: "He lived",
    key: "Backspace",
    leaves: /bear\.He lived by a river\./,
    streamed: numberedWords(60).join(""),
  },
];

for (const { name, modelAt, caretBefore, key, leaves, streamed: words } of divisions) {
  test(`D1: ${name} keeps all of its words, in order`, async ({ editors }) => {
    await editors.evaluate((text) => harness.open({ text }), story);
    const streamed = editors.evaluate((options) => harness.stream(options), {
      words: numberedWords(60),
      offset: modelAt,
      intervalMs: 20,
    });
    await expect.poll(() => editors.evaluate(() => harness.text())).toContain("w10");
    await editors.evaluate((at) => harness.focus(0, harness.text().indexOf(at)), caretBefore);
    await editors.keyboard.press(key);
    await streamed;
    const text = await editors.evaluate(() => harness.text());
    expect(text).toContain(words);
    expect(text).toMatch(leaves);
    expect(await editors.evaluate(() => harness.shown(1))).toBe(text);
  });
}

test("select all and delete takes what was selected, and what comes after stands", async ({
  editors,
}) => {
  await editors.evaluate((text) => harness.open({ text }), story);
  const streamed = editors.evaluate(
    (words) => harness.stream({ words, offset: 22, intervalMs: 20 }),
    numberedWords(60),
  );
  await expect.poll(() => editors.evaluate(() => harness.text())).toContain("w10");
  await editors.evaluate(() => harness.focus(0, 3));
  await editors.keyboard.press("Control+a");
  await editors.keyboard.press("Delete");
  await streamed;
  const text = await editors.evaluate(() => harness.text());
  expect(text).not.toContain("bear");
  expect(text).toMatch(/^ w\d+.* w60\n$/);
  const kept = [...text.matchAll(/w(\d+)/g)].map((match) => Number(match[1]));
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 61 - kept.length + index));
  expect(await editors.evaluate(() => harness.shown(1))).toBe(text);
  expect(await editors.evaluate(() => harness.healed())).toBe(0);
});

test("D4: what a person types inside the model's text is the person's", async ({ editors }) => {
  await editors.evaluate((text) => harness.open({ text }), "Start.\n");
  await editors.evaluate(() =>
    harness.stream({ words: [" one two three"], offset: 6, intervalMs: 1 }),
  );
  await editors.evaluate(() => harness.focus(0, harness.text().indexOf("two")));
  await editors.keyboard.type("MINE ");
  await expect
    .poll(() => editors.evaluate(() => harness.shown(1)))
    .toBe("Start. one MINE two three\n");
  expect(await editors.evaluate(() => harness.modelText(0))).toBe(" one two three");
  expect(await editors.evaluate(() => harness.modelText(1))).toBe(" one two three");
});

test("D3: Shift-Enter starts a paragraph, and emoji go in and out whole", async ({ editors }) => {
  await editors.evaluate((text) => harness.open({ text }), "ab\n");
  await editors.evaluate(() => harness.focus(0, 1));
  await editors.keyboard.press("Shift+Enter");
  await editors.keyboard.insertText("😀👨‍👩‍👧");
  await expect.poll(() => editors.evaluate(() => harness.shown(1))).toBe("a\n😀👨‍👩‍👧b\n");
  await editors.keyboard.press("Backspace");
  await editors.keyboard.press("Backspace");
  await expect.poll(() => editors.evaluate(() => harness.shown(1))).toBe("a\nb\n");
  expect(await editors.evaluate(() => harness.blocks(1))).toEqual(["paragraph", "paragraph"]);
});

test("D8: undo takes back one's own words and nobody else's", async ({ editors }) => {
  await editors.evaluate((text) => harness.open({ text }), "Start.\n");
  await editors.evaluate(() => harness.focus(0, 6));
  await editors.keyboard.type(" mine");
  await editors.evaluate(() => harness.edit({ offset: 0, inserted: "Theirs. " }));
  await editors.evaluate(() => harness.stream({ words: [" model"], offset: 14, intervalMs: 1 }));
  await editors.keyboard.press("Control+z");
  await expect.poll(() => editors.evaluate(() => harness.text())).toBe("Theirs. Start. model\n");
  await editors.keyboard.press("Control+Shift+z");
  await expect.poll(() => editors.evaluate(() => harness.text())).toContain("mine");
});

test("two editors mount and write in React's strict mode", async ({ editors }) => {
  await editors.evaluate(() => harness.open({ text: "Start.\n", strict: true }));
  await expect(editors.locator(".ProseMirror")).toHaveCount(2);
  await editors.evaluate(() => harness.focus(0, 6));
  await editors.keyboard.type(" More");
  await expect.poll(() => editors.evaluate(() => harness.shown(1))).toBe("Start. More\n");
});

test("the model's caret goes on with its words and stays before what a person types there", async ({
  editors,
}) => {
  await editors.evaluate(() => harness.open({ text: "Start.\n" }));
  await editors.evaluate(() => harness.showModel(6));
  await expect(editors.locator(".model-caret")).toHaveCount(1);
  await editors.evaluate(() =>
    harness.stream({ words: [" one", " two"], offset: 6, intervalMs: 5 }),
  );
  const before = () =>
    editors
      .locator(".model-caret")
      .evaluate((caret) => caret.parentElement?.textContent?.indexOf("Z") ?? -2);
  await editors.evaluate(() => harness.focus(0, 14));
  await editors.keyboard.type("Z");
  await expect.poll(() => editors.evaluate(() => harness.text())).toBe("Start. one twoZ\n");
  await expect(editors.locator(".model-caret")).toHaveCount(1);
  expect(await before()).toBe(14);
});
