import { beforeAll, describe, expect, test } from "vitest";
import { defaultSampling } from "#shared/sampling.ts";
import { Random } from "../../tests/support/random.ts";
import { bannedSequencesOf } from "./banned-words.ts";
import type { Tokenizer } from "./engine.ts";
import { draw } from "./sampler.ts";
import { talesFolder } from "./test-support/tales.ts";
import { TokenHistory } from "./token-history.ts";
import { loadTokenizer } from "./tokenizer.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(talesFolder, 0);
});

const textOf = (ids: readonly number[]) =>
  Buffer.concat(ids.map((id) => tokenizer.bytes(id))).toString("utf8");
const textsOf = (words: string[]) => new Set(bannedSequencesOf(words, tokenizer).map(textOf));

describe("banned words", () => {
  test("are meant as given and with a capital, with and without a space before them", () => {
    expect(textsOf(["king"])).toEqual(new Set(["king", " king", "King", " King"]));
    expect(textsOf(["King"])).toEqual(new Set(["King", " King"]));
    expect(textsOf([" old king "])).toEqual(
      new Set(["old king", " old king", "Old king", " Old king"]),
    );
  });

  test("of several tokens keep their order, and none is there twice", () => {
    const sequences = bannedSequencesOf(["Rumpelstiltskin", "Rumpelstiltskin"], tokenizer);
    expect(sequences).toContainEqual(tokenizer.encode(" Rumpelstiltskin"));
    expect(new Set(sequences.map((ids) => ids.join(" "))).size).toBe(sequences.length);
  });

  test("are also what two other tokens spell", () => {
    const spellings = bannedSequencesOf(["the"], tokenizer);
    expect(spellings).toContainEqual(tokenizer.encode(" the"));
    expect(spellings).toContainEqual([...tokenizer.encode(" t"), ...tokenizer.encode("he")]);
  });

  test("nothing but white space bans nothing, and a character may be more than a unit", () => {
    expect(bannedSequencesOf([" ", "\n"], tokenizer)).toEqual([]);
    expect(textsOf(["🦊"])).toEqual(new Set(["🦊", " 🦊"]));
  });

  test("E26: are in no text that the tokens of their spellings could make", () => {
    const words = ["king", "the", "old woman"];
    const bannedSequences = bannedSequencesOf(words, tokenizer);
    const forms = [...textsOf(words)];
    const tempting = [...new Set(bannedSequences.flat()), ...tokenizer.encode(" a b c, d.")];
    const random = new Random(3);
    const sampling = { ...defaultSampling, seed: 1, topK: 0, topP: 1, noRepeatNgramSize: 0 };
    const history = new TokenHistory(0, []);
    const drawn: number[] = [];
    for (let index = 0; index < 500; index++) {
      const logits = new Float32Array(5000).fill(-Infinity);
      for (const id of tempting) logits[id] = random.next() * 3;
      const { id } = draw({ logits, history, sampling, index, endOfTextId: 0, bannedSequences });
      history.add(id);
      drawn.push(id);
    }
    const usual = new Set(forms.flatMap((form) => [tokenizer.encode(form).join(" ")]));
    const written = drawn.map((_, i) => [1, 2, 3].map((n) => drawn.slice(i, i + n).join(" ")));
    expect(written.flat().filter((ids) => usual.has(ids))).toEqual([]);
  });
});
