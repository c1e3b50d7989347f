import { expect } from "@playwright/test";
import { numberedWords, test } from "./editor-page.ts";

const paragraph = "A long line of a long story that goes on and on until it wraps at the edge.";
const long = `${Array.from({ length: 80 }, (_, line) => `${line}. ${paragraph}`).join("\n")}\n`;

test("U1: text written above a reader does not move what the reader sees", async ({ editors }) => {
  await editors.evaluate((text) => harness.open({ text }), long);
  await editors.evaluate(() => harness.scroll(1500));
  const seen = () => editors.evaluate(() => harness.point(0, harness.shown(0).indexOf("\n50.")).y);
  const before = await seen();
  await editors.evaluate(
    (words) => harness.stream({ words, offset: 20, intervalMs: 5 }),
    numberedWords(120),
  );
  expect(await editors.evaluate(() => harness.scroll())).toBeGreaterThan(1500);
  expect(Math.abs((await seen()) - before)).toBeLessThan(2);
});

test("text written below a reader does not scroll", async ({ editors }) => {
  await editors.evaluate((text) => harness.open({ text }), long);
  await editors.evaluate(() => harness.scroll(600));
  await editors.evaluate(
    (words) => harness.stream({ words, offset: harness.text().length - 1, intervalMs: 5 }),
    numberedWords(120),
  );
  expect(await editors.evaluate(() => harness.scroll())).toBe(600);
});

test("U1: following keeps the model's caret in view, until the reader turns the wheel", async ({
  editors,
}) => {
  await editors.evaluate((text) => harness.open({ text }), long);
  await editors.evaluate(() => harness.showModel(harness.text().length - 1));
  await editors.evaluate(() => harness.follow(true));
  const words = numberedWords(400);
  const streamed = editors.evaluate(
    (words) => harness.stream({ words, offset: harness.text().length - 1, intervalMs: 5 }),
    words,
  );
  await expect(editors.locator(".editor").first().locator(".model-caret")).toBeInViewport();
  await expect.poll(() => editors.evaluate(() => harness.scroll())).toBeGreaterThan(1500);
  await editors.mouse.move(200, 300);
  await editors.mouse.wheel(0, -2000);
  await expect.poll(() => editors.evaluate(() => harness.isFollowing())).toBe(false);
  await streamed;
  await expect(editors.locator(".editor").first().locator(".model-caret")).not.toBeInViewport();
});

test("nothing moves where nobody looks: words come in with motion only near the reader", async ({
  editors,
}) => {
  await editors.emulateMedia({ reducedMotion: "no-preference" });
  await editors.evaluate((text) => harness.open({ text }), long);
  await editors.evaluate(() => harness.showModel(harness.text().length - 1));
  const write = (words: readonly string[]) =>
    editors.evaluate(
      (words) => harness.stream({ words, offset: harness.text().length - 1, intervalMs: 5 }),
      words,
    );
  const motion = (selector: string) =>
    editors.evaluate((found) => harness.style(found, "animation-name"), selector);
  const first = editors.locator(".ProseMirror").first();
  await expect(first).toHaveAttribute("data-model-away");
  await write(numberedWords(3));
  expect(await motion(".fresh-words")).toBe("none");
  expect(await motion(".model-caret")).toBe("none");
  await editors.evaluate(() => harness.scroll(100_000));
  await expect(first).not.toHaveAttribute("data-model-away");
  await write(numberedWords(1));
  expect(await motion(".fresh-words")).toBe("manuscript-come-in");
  expect(await motion(".model-caret")).toBe("manuscript-breath");
});

test("people see each other's carets with their names", async ({ editors }) => {
  await editors.evaluate(() => harness.open({ text: "One two three.\n" }));
  await editors.evaluate(() => harness.meet());
  await editors.evaluate(() => harness.focus(1, 7));
  const caret = editors.locator(".editor").first().locator(".person-caret");
  await expect(caret).toHaveAttribute("data-name", "Person 1");
  await editors.evaluate(() => harness.edit({ offset: 0, inserted: "Zero " }));
  await expect
    .poll(() => caret.evaluate((element) => element.previousSibling?.textContent))
    .toBe("Zero One two");
});

test("a paragraph in Hebrew runs from the right, its neighbour in English from the left", async ({
  editors,
}) => {
  await editors.evaluate(() => harness.open({ text: "שלום עולם.\nOnce there was.\n" }));
  const stops = await editors
    .locator(".ProseMirror")
    .first()
    .locator("> p")
    .evaluateAll((paragraphs) =>
      paragraphs.map((paragraph) => {
        const text = paragraph.firstChild;
        const end = (text?.textContent ?? "").length;
        const left = (from: number) => {
          const range = paragraph.ownerDocument.createRange();
          range.setStart(text ?? paragraph, from);
          range.setEnd(text ?? paragraph, from + 1);
          return range.getBoundingClientRect().left;
        };
        return left(end - 1) < left(0) ? "left" : "right";
      }),
    );
  expect(stops).toEqual(["left", "right"]);
});
