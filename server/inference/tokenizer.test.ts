import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UnavailableError } from "../errors.ts";
import { uniform } from "./random.ts";
import { talesCard, talesFolder } from "./test-support/tales.ts";
import { loadTokenizer } from "./tokenizer.ts";

const tokenizer = await loadTokenizer(talesFolder, talesCard.endOfTextId);

function decode(ids: number[]): string {
  const bytes = ids.flatMap((id) => [...tokenizer.bytes(id)]);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

test.each([
  "Once upon a time, there was a king.",
  " leading and trailing ",
  "two  spaces\n\nand\tlines\r\n",
  "don't, I'll, we're",
  "👨‍👩‍👧 é שלום 漢字 \ufeff \0 \u2028",
])("%j comes back from its ids as it was", (text) => {
  expect(decode(tokenizer.encode(text))).toBe(text);
});

test("random text comes back from its ids as it was", () => {
  const alphabet = [
    "a",
    "the",
    " ",
    "\n",
    "é",
    "🙂",
    "\u0301",
    "'s",
    "1",
    "\0",
    "ש",
    "<|endoftext|>",
  ];
  for (let seed = 0; seed < 200; seed++) {
    const pick = (_: unknown, i: number) =>
      alphabet[Math.floor(uniform(seed, i) * alphabet.length)];
    const text = Array.from({ length: 30 }, pick).join("");
    expect(decode(tokenizer.encode(text)), `seed ${seed}`).toBe(text);
  }
});

test("common words are single tokens", () => {
  expect(tokenizer.encode(" the").length).toBe(1);
});

test("E10: <|endoftext|> in a text is plain characters, never the special token", () => {
  const ids = tokenizer.encode("a <|endoftext|> b");
  expect(ids).not.toContain(tokenizer.endOfTextId);
  expect(decode(ids)).toBe("a <|endoftext|> b");
  expect(tokenizer.encode("<|endoftext|>")).not.toContain(tokenizer.endOfTextId);
});

test("no text has no ids, and the special token has no bytes", () => {
  expect(tokenizer.encode("")).toEqual([]);
  expect(tokenizer.bytes(tokenizer.endOfTextId)).toEqual(new Uint8Array());
});

test("half a surrogate pair becomes U+FFFD", () => {
  expect(decode(tokenizer.encode("a\ud83d b\ude42"))).toBe("a\ufffd b\ufffd");
});

test("every byte is the byte of some token, so that nothing is unwritable", () => {
  const bytes = new Set<number>();
  for (let id = 0; id < talesCard.vocabularySize; id++) {
    const token = tokenizer.bytes(id);
    if (token.length === 1) bytes.add(Number(token[0]));
  }
  expect(bytes.size).toBe(256);
});

test("a folder without a tokenizer is refused by name", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tokenizer-"));
  const loading = loadTokenizer(folder, 0);
  await expect(loading).rejects.toThrow(UnavailableError);
  await expect(loading).rejects.toThrow(folder);
  await rm(folder, { recursive: true });
});
