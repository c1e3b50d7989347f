import type { CDPSession, Page } from "@playwright/test";
import { expect } from "@playwright/test";
import { numberedWords, test } from "./editor-page.ts";

/** Lets the browser compose as an input method does. */
async function composer(
  page: Page,
): Promise<{ compose: (text: string) => Promise<void>; commit: (text: string) => Promise<void> }> {
  const session: CDPSession = await page.context().newCDPSession(page);
  return {
    compose: async (text) => {
      const at = text.length;
      await session.send("Input.imeSetComposition", { text, selectionStart: at, selectionEnd: at });
    },
    commit: async (text) => {
      await session.send("Input.insertText", { text });
    },
  };
}

interface Case {
  name: string;
  /** What others do to the text meanwhile: they replace what stands between two places. */
  change: (text: string) => { from: number; to: number; inserted: string };
  wanted: RegExp;
}

/** The person composes behind "bear". */
const opening = "The bear sat down.\nThen it slept.\n";
const cases: readonly Case[] = [
  {
    name: "before the caret in the same text node",
    change: () => ({ from: 0, to: 0, inserted: "Now " }),
    wanted: /^Now The bear漢字 sat down\.\nThen it slept\.\n$/,
  },
  {
    name: "after the caret in the same text node",
    change: (text) => insertion(text.indexOf(" down"), " right"),
    wanted: /^The bear漢字 sat right down\.\nThen it slept\.\n$/,
  },
  {
    name: "exactly at the caret",
    change: (text) => insertion(text.indexOf("bear") + 4, "s"),
    wanted: /^The bear(s漢字|漢字s) sat down\.\nThen it slept\.\n$/,
  },
  {
    name: "a deletion up to the caret",
    change: (text) => ({ from: 0, to: text.indexOf("bear") + 4, inserted: "" }),
    wanted: /^漢字 sat down\.\nThen it slept\.\n$/,
  },
  {
    name: "a split before the caret",
    change: () => insertion(4, "\n"),
    wanted: /^The \nbear漢字 sat down\.\nThen it slept\.\n$/,
  },
  {
    name: "a join with the next paragraph",
    change: (text) => ({ from: text.indexOf("\n"), to: text.indexOf("\n") + 1, inserted: "" }),
    wanted: /^The bear漢字 sat down\.Then it slept\.\n$/,
  },
  {
    name: "another paragraph",
    change: (text) => insertion(text.indexOf(" it"), " surely"),
    wanted: /^The bear漢字 sat down\.\nThen surely it slept\.\n$/,
  },
];

function insertion(offset: number, inserted: string) {
  return { from: offset, to: offset, inserted };
}

for (const { name, change, wanted } of cases) {
  test(`a composition survives a remote change: ${name}`, async ({ editors }) => {
    await editors.evaluate((text) => harness.open({ text }), opening);
    await editors.evaluate(() => harness.focus(0, 8));
    const { compose, commit } = await composer(editors);
    await compose("か");
    await compose("かん");
    await expect.poll(() => editors.evaluate(() => harness.text())).toContain("かん");
    const { from, to, inserted } = change(await editors.evaluate(() => harness.text()));
    await editors.evaluate((edit) => harness.edit(edit), {
      offset: from,
      deleted: to - from,
      inserted,
    });
    await compose("かんじ");
    await commit("漢字");
    await expect.poll(() => editors.evaluate(() => harness.text())).toMatch(wanted);
    const text = await editors.evaluate(() => harness.text());
    await expect.poll(() => editors.evaluate(() => harness.shown(0))).toBe(text);
    await expect.poll(() => editors.evaluate(() => harness.shown(1))).toBe(text);
    expect(await editors.evaluate(() => harness.healed())).toBe(0);
    expect(await editors.locator(".ProseMirror").first().innerText()).not.toContain("か");
  });
}

test("what is composed inside the model's text, while it streams, is the person's", async ({
  editors,
}) => {
  await editors.evaluate(() => harness.open({ text: "Start.\n" }));
  const streamed = editors.evaluate(
    (words) => harness.stream({ words, offset: 6, intervalMs: 20 }),
    numberedWords(80),
  );
  await expect.poll(() => editors.evaluate(() => harness.shown(0))).toContain("w10");
  await editors.evaluate(() => harness.focus(0, harness.shown(0).indexOf(" w5 ")));
  const { compose, commit } = await composer(editors);
  for (const text of ["ㅎ", "하", "한"]) await compose(text);
  await commit("한");
  await streamed;
  const text = await editors.evaluate(() => harness.text());
  expect(text).toContain(" w4한 w5");
  expect(text.replace("한", "")).toBe(`Start.${numberedWords(80).join("")}\n`);
  await expect.poll(() => editors.evaluate(() => harness.shown(0))).toBe(text);
  expect(await editors.evaluate(() => harness.modelText(0))).toBe(numberedWords(80).join(""));
  expect(await editors.evaluate(() => harness.modelText(1))).toBe(numberedWords(80).join(""));
  expect(await editors.evaluate(() => harness.healed())).toBe(0);
});
