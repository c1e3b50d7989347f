import { describe, expect, it } from "vitest";
import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import { createTextEnding, mostTokens } from "./text-ending.ts";

/** Words as tokens, a space before each but the first. */
function tokensOf(text: string, firstIndex = 0) {
  const texts = text.match(/\s*[^\s]+|\s+$/gu) ?? [];
  return texts.map((one, i) => ({ index: firstIndex + i, id: i, logprob: 0, text: one }));
}

interface Outcome {
  text: string;
  tokens: number;
  ended: boolean;
  /** The most tokens that were held back at a time. */
  held: number;
}

function write(text: string, sampling: Partial<Sampling>, before = "", firstIndex = 0): Outcome {
  const ending = createTextEnding({ ...defaultSampling, seed: 1, ...sampling }, before);
  const written: string[] = [];
  let held = 0;
  for (const [i, token] of tokensOf(text, firstIndex).entries()) {
    const { ready, ended } = ending.push([token]);
    written.push(...ready.map((one) => one.text));
    if (ended) return { text: written.join(""), tokens: written.length, ended, held };
    held = Math.max(held, i + 1 - written.length);
  }
  written.push(...ending.end().map((one) => one.text));
  return { text: written.join(""), tokens: written.length, ended: false, held };
}

const story = "The king slept. Mr. Fox came in! Then he left.\nNobody saw him. It was night.";

describe("the end of a run", () => {
  it("R15: is the end of the sentence that it is in when its length is reached", () => {
    const at = (maxTokens: number) => write(story, { stopAt: "sentence", maxTokens }).text;
    expect(at(2)).toBe("The king slept.");
    expect(at(3)).toBe("The king slept.");
    expect(at(4)).toBe("The king slept. Mr. Fox came in!");
    expect(at(8)).toBe("The king slept. Mr. Fox came in! Then he left.");
  });

  it("R15: is the first one at minTokens or after it, where there is one", () => {
    const at = (minTokens: number) => write(story, { stopAt: "sentence", minTokens }).text;
    expect(at(1)).toBe("The king slept.");
    expect(at(3)).toBe("The king slept.");
    expect(at(4)).toBe("The king slept. Mr. Fox came in!");
    const endless = { stopAt: "sentence", minTokens: 4, maxTokens: null } as const;
    expect(write(story, endless).text).toBe("The king slept. Mr. Fox came in!");
  });

  it("R15: is the paragraph's end for a paragraph, before the line break", () => {
    const { text, ended } = write(story, { stopAt: "paragraph", maxTokens: 2 });
    expect(text).toBe("The king slept. Mr. Fox came in! Then he left.");
    expect(ended).toBe(true);
  });

  it("is nowhere without a place, and in an endless run without a minimum", () => {
    expect(write(story, { maxTokens: 2 })).toMatchObject({ text: story, ended: false, held: 0 });
    const endless = { stopAt: "sentence", maxTokens: null } as const;
    expect(write(story, endless)).toMatchObject({ text: story, ended: false, held: 0 });
  });

  it("holds back only what comes after a possible end, and cuts there when no more comes", () => {
    const sampling = { stopAt: "sentence", maxTokens: 2 } as const;
    expect(write("He left. “ ", sampling)).toMatchObject({ text: "He left.", ended: false });
    expect(write("one two three four five", sampling)).toMatchObject({ tokens: 5, held: 0 });
  });

  it("knows the text before, and what stood there is over for a run that goes on past its length", () => {
    const sampling = { stopAt: "sentence", maxTokens: 5 } as const;
    expect(write(". Fox came. He", sampling, "Then Mr", 5).text).toBe(". Fox came.");
    expect(write(" He came. She", sampling, "Then all was well.", 5).text).toBe("");
    expect(write(" came. She", sampling, "All was well. He", 5).text).toBe(" came.");
  });

  it("says which limit it was", () => {
    const reason = (sampling: Partial<Sampling>) =>
      createTextEnding({ ...defaultSampling, seed: 1, stopAt: "sentence", ...sampling }, "").reason;
    expect(reason({})).toBe("max_tokens");
    expect(reason({ minTokens: 5 })).toBe("stop_string");
  });

  it("leaves room of 64 tokens for a sentence, 256 for a paragraph, none without a place", () => {
    const most = (sampling: Partial<Sampling>) =>
      mostTokens({ ...defaultSampling, seed: 1, maxTokens: 100, ...sampling });
    expect(most({})).toBe(100);
    expect(most({ stopAt: "sentence" })).toBe(164);
    expect(most({ stopAt: "paragraph" })).toBe(356);
    expect(most({ stopAt: "sentence", maxTokens: null })).toBeNull();
  });
});
