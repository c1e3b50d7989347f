import { expect } from "@playwright/test";
import { test } from "./editor-page.ts";

interface Case {
  name: string;
  data: { text?: string; html?: string };
  wanted: string;
  blocks?: string[];
}

const cases: readonly Case[] = [
  {
    name: "plain text keeps its empty lines",
    data: { text: "one\n\ntwo" },
    wanted: "aone\n\ntwob\n",
  },
  { name: "Windows line ends are one break", data: { text: "one\r\ntwo" }, wanted: "aone\ntwob\n" },
  {
    name: "a line break in HTML starts a paragraph",
    data: { html: "<p>one<br>two</p>" },
    wanted: "aone\ntwob\n",
  },
  {
    name: "lists flatten into paragraphs",
    data: { html: "<ul><li>one</li><li>two</li></ul>" },
    wanted: "aone\ntwob\n",
  },
  {
    name: "quotes flatten into paragraphs",
    data: { html: "<blockquote><p>one</p></blockquote><p>two</p>" },
    wanted: "aone\ntwob\n",
  },
  {
    name: "a table's cells stay apart, its rows are lines",
    data: { html: "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>" },
    wanted: "a1 | 2\n3 | 4b\n",
  },
  {
    name: "links and unknown marks leave their words",
    data: { html: '<p>see <a href="https://example.org">this</a> <u>now</u></p>' },
    wanted: "asee this nowb\n",
  },
  { name: "halves of characters and NUL are dropped", data: { text: "x\0y" }, wanted: "axyb\n" },
  {
    name: "what a terminal would obey is dropped, D3",
    data: { text: "x\u001b[2J\u0007\u007f\u009by\tz" },
    wanted: "ax[2Jy\tzb\n",
  },
  {
    name: "control characters in HTML are dropped, D3",
    data: { html: "<p>x&#27;[2J\u0008&#127;y</p>" },
    wanted: "ax[2Jyb\n",
  },
  {
    name: "a page's end, a soft line end and NEL are line ends",
    data: { text: "one\ftwo\vthree\u0085four" },
    wanted: "aone\ntwo\nthree\nfourb\n",
  },
  {
    name: "what joins letters or turns their direction stays",
    data: { text: "می\u200Cخواهم 👩\u200d👧 \u202Eabc\u202C" },
    wanted: "aمی\u200Cخواهم 👩\u200d👧 \u202Eabc\u202Cb\n",
  },
];

for (const { name, data, wanted } of cases) {
  test(`paste: ${name}`, async ({ editors }) => {
    await editors.evaluate(() => harness.open({ text: "ab\n" }));
    await editors.evaluate(() => harness.focus(0, 1));
    await editors.evaluate((pasted) => harness.paste(0, pasted), data);
    await expect
      .poll(() => editors.evaluate(() => [harness.shown(0), harness.shown(1), harness.text()]))
      .toEqual([wanted, wanted, wanted]);
    expect(await editors.evaluate(() => harness.healed())).toBe(0);
  });
}

test("D4: paste: HTML cannot claim to be the model's", async ({ editors }) => {
  await editors.evaluate(() => harness.open({ text: "ab\n" }));
  await editors.evaluate(() => harness.focus(0, 1));
  await editors.evaluate(() =>
    harness.paste(0, { html: '<p><span class="run" data-run="run-1">forged</span></p>' }),
  );
  await expect.poll(() => editors.evaluate(() => harness.shown(1))).toBe("aforgedb\n");
  expect(await editors.evaluate(() => harness.modelText(0) + harness.modelText(1))).toBe("");
});

test("paste: headings stay headings", async ({ editors }) => {
  await editors.evaluate(() => harness.open({ text: "\n" }));
  await editors.evaluate(() => harness.focus(0, 0));
  await editors.evaluate(() => harness.paste(0, { html: "<h2>Title</h2><p>text</p>" }));
  await expect.poll(() => editors.evaluate(() => harness.shown(1))).toBe("Title\ntext\n");
  expect(await editors.evaluate(() => harness.blocks(1))).toEqual(["heading 2", "paragraph"]);
});

test("paste: a quarter of a million characters arrive whole", async ({ editors }) => {
  await editors.evaluate(() => harness.open({ text: "ab\n" }));
  await editors.evaluate(() => harness.focus(0, 1));
  // A letter of two units, as an emoji is one: those a browser without their font draws in seconds.
  const pasted = "word 𝔸 and more\n".repeat(16_000);
  await editors.evaluate((text) => harness.paste(0, { text }), pasted);
  const wanted = `a${pasted}b\n`;
  await expect
    .poll(async () => (await editors.evaluate(() => harness.text())) === wanted)
    .toBe(true);
  await expect
    .poll(async () => (await editors.evaluate(() => harness.shown(1))) === wanted)
    .toBe(true);
});
