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
