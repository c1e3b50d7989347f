import { describe, expect, it } from "vitest";
import { defaultSampling, type SamplingInput } from "#shared/sampling.ts";
import { resolveSampling, tuneSampling } from "./sampling.ts";

describe("sampling", () => {
  it("is the defaults, under the document's settings, under the person's wish", () => {
    const sampling = resolveSampling({ topK: 5, topP: 0.5 }, { topP: 0.7, seed: 3 });
    expect(sampling).toEqual({ ...defaultSampling, topK: 5, topP: 0.7, seed: 3 });
  });

  it("draws a seed where nobody named one, and a tune keeps it", () => {
    const first = resolveSampling({}, {});
    const seeds = new Set(Array.from({ length: 8 }, () => resolveSampling({}, {}).seed));
    expect(seeds.size).toBeGreaterThan(1);
    expect(tuneSampling({ sampling: first, tokens: 0 }, { temperature: 1 }).seed).toBe(first.seed);
  });

  it("R15: a tuned length counts as what is written only where a sentence is to be finished, and once", () => {
    const sampling = resolveSampling({}, { maxTokens: 200, stopAt: "sentence" });
    const tuned = (wish: SamplingInput, tokens = 100) =>
      tuneSampling({ sampling, tokens }, wish).maxTokens;
    expect(tuned({ maxTokens: 20 })).toBe(100);
    expect(tuned({ maxTokens: 150 })).toBe(150);
    expect(tuned({ maxTokens: null })).toBeNull();
    expect(tuned({ maxTokens: 20, stopAt: null })).toBe(20);
    expect(tuned({ maxTokens: 20, strategy: "beams" })).toBe(20);
    expect(tuned({ stopAt: "paragraph" }, 230)).toBe(230);
    // Its last sentence is longer than its length was: another wish does not move the end.
    expect(tuned({ temperature: 1 }, 230)).toBe(200);
  });

  it("refuses by name what cannot be", () => {
    expect(() => resolveSampling({}, { minTokens: 201 })).toThrow(
      expect.objectContaining({ details: { field: "sampling.minTokens" } }),
    );
    expect(resolveSampling({}, { minTokens: 201, maxTokens: null }).minTokens).toBe(201);
    for (const stop of ["a\0b", "\uD83D"]) {
      expect(() => resolveSampling({}, { stop: [stop] })).toThrow(
        expect.objectContaining({ details: { field: "sampling.stop" } }),
      );
    }
  });
});
