import { describe, expect, it } from "vitest";
import { defaultSampling } from "#shared/sampling.ts";
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
