import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { Random } from "../../tests/support/random.ts";
import { createEngine } from "./create-engine.ts";
import type { Engine, Tokenizer } from "./engine.ts";
import { createLoopWatch } from "./loop-detection.ts";
import { talesCard, talesFolder } from "./test-support/tales.ts";
import { loadTokenizer } from "./tokenizer.ts";

let tokenizer: Tokenizer;
let engine: Engine;
beforeAll(async () => {
  tokenizer = await loadTokenizer(talesFolder, talesCard.endOfTextId);
  engine = await createEngine({ modelFolder: talesFolder });
});
afterAll(() => engine.close());

/** After how many tokens the watch says that they repeat; undefined: never. */
function alarm(
  ids: readonly number[],
  textOf = (id: number) => ` word${id}`,
  watch = createLoopWatch(),
): number | undefined {
  const index = ids.findIndex((id) => watch.add(id, textOf(id)));
  return index === -1 ? undefined : index + 1;
}

const tokenText = (id: number) => Buffer.from(tokenizer.bytes(id)).toString("utf8");

const ordinals = "first second third fourth fifth sixth seventh eighth ninth tenth".split(" ");

/** Texts that come back to the same words, as people write them. */
const honest: Record<string, string> = {
  "a song with a refrain after each verse": [
    "The miller rose at break of day",
    "The baker sang beside his oven",
    "The weaver threw her shuttle far",
    "The fisher mended all his nets",
    "The smith struck sparks into the dark",
  ]
    .map(
      (verse) =>
        `${verse},\nAnd the wind went round the hill, my dear,\nThe wind went round the hill.\n\n`,
    )
    .join(""),
  "a chant": `${"Row, row, row the boat, ".repeat(3)}and home before the night.\n`.repeat(2),
  "a list": ordinals
    .map(
      (word, i) =>
        `${i + 1}. The ${word} door was made of ${["oak", "ash", "iron", "glass", "stone"][i % 5]}.\n`,
    )
    .join(""),
  "a rhyme that grows": (() => {
    const parts = [
      "the house that Jack built",
      "the malt that lay in",
      "the rat that ate",
      "the cat that killed",
      "the dog that worried",
      "the cow with the crumpled horn that tossed",
      "the maiden all forlorn that milked",
      "the man all tattered and torn that kissed",
      "the priest all shaven and shorn that married",
    ];
    return parts
      .map(
        (_, last) =>
          `This is ${parts
            .slice(0, last + 1)
            .reverse()
            .join(" ")}.\n`,
      )
      .join("\n");
  })(),
  "a counting song": Array.from({ length: 12 }, (_, i) => 30 - i)
    .map(
      (n) =>
        `${n} green bottles hanging on the wall, ${n} green bottles hanging on the wall, and if one green bottle should fall by and by, there were ${n - 1} green bottles hanging on the wall.\n`,
    )
    .join(""),
  "a litany": "Ann Ben Carl Dora Emil Frieda Gustav Hans Ida Jon Karl Lena"
    .split(" ")
    .map((name) => `Saint ${name}, watch over us.\n`)
    .join(""),
  "a table's lines": `name | place\n${"-".repeat(30)}\nAnn | Ulm\n${"-".repeat(30)}\n`,
  "a dialogue": ordinals
    .map(
      (word) =>
        `'Who is there?' asked the ${word} brother.\n'It is I,' said the wolf.\n'Go away,' said the ${word} brother.\n`,
    )
    .join(""),
};

describe("a text that repeats itself", () => {
  test.each(Object.keys(honest))("R16: is not %s", (name) => {
    expect(alarm(tokenizer.encode(honest[name] ?? ""), tokenText)).toBeUndefined();
  });

  test.each([2, 5, 12])("R16: is one of %i tokens, at 48 of them", (period) => {
    const ids = Array.from({ length: 200 }, (_, i) => i % period);
    expect(alarm([7_000, 7_001, ...ids])).toBe(2 + 48);
  });

  test.each([
    [20, 80],
    [60, 180],
    [128, 384],
  ])("R16: is a stretch of %i tokens, at the end of %i of them", (period, tokens) => {
    const ids = Array.from({ length: 600 }, (_, i) => 100 + (i % period));
    expect(alarm([1, 2, 3, ...ids])).toBe(3 + tokens);
  });

  test("R16: is one that changes a word in every line and nothing else", () => {
    const lines = Array.from(
      { length: 40 },
      (_, i) =>
        `The king went into the hall and he sat down on the throne and he said nothing at all that day to the ${["cook", "maid", "page"][i % 3]}.\n`,
    );
    expect(alarm(tokenizer.encode(lines.join("")), tokenText)).toBeLessThan(600);
  });

  /** As a model with a token for each sign and each mark writes it. */
  const row = (marks: string, length: number) =>
    Array.from({ length }, (_, place) => marks.codePointAt(place % marks.length) ?? 0);
  const markOf = (id: number) => String.fromCodePoint(id);

  test.each(["-", "=", "* ", ". ", "-=", "~*~ ", "a"])(
    "R16: is no row of %j that a line of a page can hold, and is one beyond",
    (marks) => {
      const words = row("Then he slept.\n", 15);
      expect(alarm([...words, ...row(marks, 120), ...words], markOf)).toBeUndefined();
      expect(alarm([...words, ...row(marks, 300)], markOf)).toBe(words.length + 128);
    },
  );

  test("R16: is a row of line breaks, at 48 of them", () => {
    expect(alarm(row("\n", 60), markOf)).toBe(48);
  });

  test("R16: is no table of rulers, and rulers alone are one", () => {
    const ruler = [...row("-", 60), ...row("\n", 1)];
    const lines = ["Ann lives in Ulm", "Ben in Rome", "Carl nowhere at all", "Dora"];
    expect(
      alarm(
        lines.flatMap((line) => [...row(line, line.length), ...row("\n", 1), ...ruler]),
        markOf,
      ),
    ).toBeUndefined();
    expect(alarm(Array.from({ length: 9 }, () => ruler).flat(), markOf)).toBe(3 * 61);
  });

  test("is not what draws of few different tokens happen to make", () => {
    const random = new Random(9);
    for (let round = 0; round < 30; round++) {
      expect(alarm(Array.from({ length: 600 }, () => random.below(20)))).toBeUndefined();
    }
  });

  test("R16: counts as one again only once it has repeated itself for as long again", () => {
    const watch = createLoopWatch();
    const ids = Array.from({ length: 300 }, (_, i) => i % 6);
    expect(alarm(ids, undefined, watch)).toBe(48);
    watch.reset();
    expect(alarm(ids, undefined, watch)).toBe(48);
  });
});

async function written(prompt: string, sampling: Partial<Sampling>): Promise<number[]> {
  const ids: number[] = [];
  const generation = engine.open().generate({
    prompt: tokenizer.encode(prompt),
    firstIndex: 0,
    sampling: { ...defaultSampling, seed: 4, maxTokens: 450, ...sampling },
  });
  for await (const token of generation) ids.push(token.id);
  return ids;
}

describe("what the tales model writes", () => {
  test.each(["Once upon a time", "The king said", "There was an old woman"])(
    "R16: greedy and unblocked it goes round in a circle after %j, and that is seen",
    async (prompt) => {
      const off = { repetitionPenalty: 1, noRepeatNgramSize: 0 };
      const loop = await written(prompt, { strategy: "greedy", ...off });
      expect(alarm(loop, tokenText)).toBeDefined();
      expect(alarm(await written(prompt, { strategy: "greedy" }), tokenText)).toBeUndefined();
      expect(alarm(await written(prompt, off), tokenText)).toBeUndefined();
    },
  );
});
