import { expect, test } from "vitest";
import { cleanLine, cleanText } from "./plain-text.ts";

test("D3: neither a zero character nor half a surrogate pair gets into the text", () => {
  expect(cleanText("a\0b \ud83d c \ude00 😀")).toBe("ab \uFFFD c \uFFFD 😀");
});

test("line ends of every system become line feeds", () => {
  expect(cleanText("a\r\nb\rc\n")).toBe("a\nb\nc\n");
});

test("right-to-left text, combining marks and joined emoji stay as they are", () => {
  const text = "שלום e\u0301 👩‍👩‍👧";
  expect(cleanText(text)).toBe(text);
});

test("D9: a line has no line break and no space around it", () => {
  expect(cleanLine("  The\r\nRiver\u2028 House\t")).toBe("The River House");
});

test("D3: a control character never gets into the text, and what ends a line becomes a line feed", () => {
  expect(cleanText("a\u001b[31mred\u0007\u009b0m\u007f\tb")).toBe("a[31mred0m\tb");
  expect(cleanText("page\fnext\vsoft\u0085end")).toBe("page\nnext\nsoft\nend");
});

test("a line turns no direction but its own: embeddings, overrides and isolates go, letters' joiners stay", () => {
  expect(cleanLine("safe\u202Egnp.exe\u2066 x\u2069")).toBe("safegnp.exe x");
  expect(cleanLine("می\u200Cخواهم 👩‍👧 \u200Fאב")).toBe("می\u200Cخواهم 👩‍👧 \u200Fאב");
});
