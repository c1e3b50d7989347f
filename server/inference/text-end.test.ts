import { describe, expect, test } from "vitest";
import { findTextEnd } from "./text-end.ts";

/** The text up to its first sentence's end; undefined: it has none for sure. */
function firstSentence(text: string, from = 0): string | undefined {
  const { end } = findTextEnd(text, "sentence", from);
  return end === undefined ? undefined : text.slice(0, end);
}
function possible(text: string): string | undefined {
  const at = findTextEnd(text, "sentence", 0).possible;
  return at === undefined ? undefined : text.slice(0, at);
}

describe("the end of a sentence", () => {
  test.each([
    ["The king slept. The", "The king slept."],
    ["Who is there?! He", "Who is there?!"],
    ["“Go away!” The", "“Go away!”"],
    ["(It was late.) The", "(It was late.)"],
    ["'I am cold.' 'So am", "'I am cold.'"],
    ["He waited… Nobody", "He waited…"],
    ["He waited... Nobody", "He waited..."],
    ["It was 5 p.m. The", "It was 5 p.m."],
    ["So did I. The", "So did I."],
    ["There were 40. The", "There were 40."],
    ["It cost 3.14 in all. He", "It cost 3.14 in all."],
    ["王は眠った。彼", "王は眠った。"],
    ["「行け！」と", "「行け！」"],
    ["他走了。 他", "他走了。"],
    ["The house was old\nThe", "The house was old"],
    ["He slept.  \nThe", "He slept."],
    ["Он спал. Потом", "Он спал."],
    ["He came. 12 men", "He came."],
    ['He came. "Who', "He came."],
    ["\n\nThe king slept. He", "\n\nThe king slept."],
  ])("R15: of %j is after what closes it", (text, sentence) => {
    expect(firstSentence(text)).toBe(sentence);
  });

  test.each([
    "Mr. Smith",
    "He met Dr. Brown and",
    "J. R. Smith",
    "e.g. The",
    "the U.S. Army",
    "St. Ann",
    "1. First",
    "\n12. Twelfth",
    "example.org is",
    "3.14 is",
    "“Stop!” he said",
    "'Why?' asked the wolf",
    "well... maybe",
    "No. 5",
    "The king slept",
    "",
    "\n\n",
  ])("R15: %j has none", (text) => {
    expect(firstSentence(text)).toBe(undefined);
  });

  test("is open until a letter or a number shows what comes", () => {
    for (const growing of ["He slept.", "He slept. ", "He slept. “"]) {
      expect(firstSentence(growing)).toBeUndefined();
      expect(possible(growing)).toBe("He slept.");
    }
    expect(possible("He slept.”")).toBe("He slept.”");
    expect(possible("彼。")).toBe("彼。");
    expect(possible("Mr.")).toBeUndefined();
    expect(possible("He slept. The")).toBeUndefined();
  });

  test("before the place from which on it counts, it does not", () => {
    const text = "One. Two. Three. F";
    expect(firstSentence(text, 4)).toBe("One.");
    expect(firstSentence(text, 5)).toBe("One. Two.");
    expect(firstSentence(text, 10)).toBe("One. Two. Three.");
  });

  test("an open end is never after one that turns out to be the first, however the text grows", () => {
    const whole =
      "Mr. A. Fox came. “Who is it?” he asked. 'I...' He saw 3.5 owls! 王。Then\nnone e.g. here. ";
    for (let from = 0; from < whole.length; from += 3) {
      const { end = whole.length } = findTextEnd(whole, "sentence", from);
      for (let length = from; length <= whole.length; length++) {
        const grown = findTextEnd(whole.slice(0, length), "sentence", from);
        expect([undefined, end]).toContain(grown.end);
        expect(grown.possible ?? 0).toBeLessThanOrEqual(end);
      }
    }
  });
});

describe("the end of a paragraph", () => {
  const firstParagraph = (text: string, from = 0) => {
    const { end } = findTextEnd(text, "paragraph", from);
    return end === undefined ? undefined : text.slice(0, end);
  };

  test("R15: is before its line break, and an empty line has none", () => {
    expect(firstParagraph("One. Two.\nThree")).toBe("One. Two.");
    expect(firstParagraph("One. \n\nTwo")).toBe("One.");
    expect(firstParagraph("\n\nOne.\nTwo")).toBe("\n\nOne.");
    expect(firstParagraph("One. Two.")).toBeUndefined();
    expect(firstParagraph("One.\nTwo.\nThree", 5)).toBe("One.\nTwo.");
  });
});
