import { expect, test } from "vitest";
import { uniform } from "./random.ts";
import { createTextStream } from "./text-stream.ts";

/** A tokenizer whose tokens are the given byte strings. */
const tokenizerOf = (tokens: Uint8Array[]) => ({
  bytes: (id: number) => tokens[id] ?? new Uint8Array(),
});

/** Splits UTF-8 bytes anywhere, also inside characters. */
function splitAtRandom(text: string, seed: number): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  const tokens: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const length = 1 + Math.floor(uniform(seed, start) * 4);
    tokens.push(bytes.slice(start, start + length));
    start += length;
  }
  return tokens;
}

function play(tokens: Uint8Array[], stop: string[] = []) {
  const stream = createTextStream<{ id: number }>({ tokenizer: tokenizerOf(tokens), stop });
  const steps = tokens.map((_, id) => stream.push({ id }));
  const pieces = [...steps.flatMap((step) => step.pieces), ...stream.flush()];
  return { pieces, steps, text: pieces.map(({ text }) => text).join("") };
}

const loneSurrogate = /\p{Surrogate}/u;
const texts = [
  "Once upon a time.",
  "👨‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 🇩🇪",
  "e\u0301 n\u0303 combining, שלום, नमस्ते, 漢字",
  "\ufeffmark, \0 zero, \r\n lines\u2028",
];

test.each(texts)("E6: any split of %j comes out whole, in whole characters", (text) => {
  for (let seed = 0; seed < 200; seed++) {
    const { pieces, text: written } = play(splitAtRandom(text, seed));
    expect(written, `seed ${seed}`).toBe(text);
    for (const piece of pieces) {
      expect(piece.text, `seed ${seed}`).not.toMatch(loneSurrogate);
      expect(piece.text, `seed ${seed}`).not.toContain("\ufffd");
    }
  }
});

test("each token comes out once, in order, with the characters that it completed", () => {
  const { pieces } = play([...new TextEncoder().encode("a🙂")].map((byte) => Uint8Array.of(byte)));
  expect(pieces.map(({ token, text }) => [token.id, text])).toEqual([
    [0, "a"],
    [1, ""],
    [2, ""],
    [3, ""],
    [4, "🙂"],
  ]);
});

test("bytes that can never become a character come out as U+FFFD at once", () => {
  const { steps } = play([Uint8Array.of(0xe2, 0x82), Uint8Array.of(0x41)]);
  expect(steps[0]?.pieces).toEqual([{ token: { id: 0 }, text: "" }]);
  expect(steps[1]?.pieces).toEqual([{ token: { id: 1 }, text: "\ufffdA" }]);
  expect(play([Uint8Array.of(0xff)]).text).toBe("\ufffd");
});

test("R11: a stop string is never written, however it is split, and what is before it is", () => {
  const text = "The king said: END and went on";
  for (let seed = 0; seed < 200; seed++) {
    const { text: written, steps } = play(splitAtRandom(text, seed), ["END"]);
    expect(written, `seed ${seed}`).toBe("The king said: ");
    expect(steps.at(-1)?.stopped).toBe(true);
  }
});

test("what might become a stop string waits, and comes when it did not", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const { steps, text } = play([encode("one E"), encode("N"), encode("tr")], ["END"]);
  expect(steps.map(({ pieces }) => pieces.length)).toEqual([0, 0, 3]);
  expect(text).toBe("one ENtr");
});

test("the end hands out what was held back, and nothing of half a character", () => {
  expect(play([new TextEncoder().encode("one EN")], ["END"]).text).toBe("one EN");
  expect(play([Uint8Array.of(0x61, 0xf0, 0x9f)]).text).toBe("a");
});

test("a stop string may be an emoji that comes in bytes", () => {
  for (let seed = 0; seed < 50; seed++) {
    const { text, steps } = play(splitAtRandom("so 🙂 it ends 🙃 here", seed), ["🙃"]);
    expect(text).toBe("so 🙂 it ends ");
    expect(steps.at(-1)?.stopped).toBe(true);
  }
});

test("after a stop nothing more comes", () => {
  const tokens = ["a.", "b"].map((text) => new TextEncoder().encode(text));
  const { steps } = play(tokens, ["."]);
  expect(steps[1]).toEqual({ pieces: [], stopped: true });
});
