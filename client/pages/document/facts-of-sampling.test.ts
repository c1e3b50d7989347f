import { describe, expect, test } from "vitest";
import { defaultSampling } from "#shared/sampling.ts";
import { samplingFacts } from "./facts-of-sampling.ts";
import type { ChosenSampling } from "./use-sampling-choice.ts";

const told = (values: Partial<ChosenSampling>) =>
  samplingFacts({ ...defaultSampling, seed: null, ...values }).map(
    ({ name, value }) => `${name}: ${value}`,
  );

describe("how the model writes, for those who watch", () => {
  test("is told in two lines while all is as usual", () => {
    expect(told({})).toEqual(["Temperature: 0.8", "Length: 200 tokens"]);
  });

  test("names what is not as usual, and only that", () => {
    expect(
      told({
        maxTokens: null,
        stopAt: "paragraph",
        topP: 0.5,
        presencePenalty: -0.5,
        bannedWords: ["king", "fox"],
        logitBias: { 11: 2, 13: -100 },
        stop: ["END"],
      }),
    ).toEqual([
      "Temperature: 0.8",
      "Length: endless",
      "Ends at: a paragraph's end",
      "Presence penalty: -0.5",
      "Top-p: 0.5",
      "Stops at: END",
      "Never writes: king, fox",
      "Token bias: 11: +2, 13: -100",
    ]);
  });

  test("leaves out what does not count for beams and greedy", () => {
    expect(told({ strategy: "greedy", topK: 3 })).toEqual([
      "Words: always the likeliest",
      "Length: 200 tokens",
    ]);
    expect(told({ strategy: "beams", beams: 4, earlyStopping: false, maxTokens: 100 })).toEqual([
      "Words: by beams",
      "Length: 100 tokens",
      "Beams: 4",
      "Early stopping: off",
    ]);
  });
});
