import { describe, expect, test } from "vitest";
import {
  defaultSampling,
  isPresetChosen,
  manners,
  type SamplingInput,
  samplingInputSchema,
  samplingPresets,
} from "./sampling.ts";

describe("presets", () => {
  test.each(samplingPresets)("$name is a sampling that a caller may send", ({ sampling }) => {
    expect(samplingInputSchema.parse(sampling)).toEqual(sampling);
  });

  test("what nobody changed is Balanced", () => {
    expect(samplingPresets.filter((preset) => isPresetChosen(preset, defaultSampling))).toEqual([
      manners[1],
    ]);
  });

  test("each is the only one of its kind that is chosen once it was, whatever was set before", () => {
    for (const before of samplingPresets) {
      for (const preset of samplingPresets) {
        const values: SamplingInput = {
          ...defaultSampling,
          ...before.sampling,
          ...preset.sampling,
        };
        expect(isPresetChosen(preset, values)).toBe(true);
        const chosenManners = manners.filter((manner) => isPresetChosen(manner, values));
        expect(chosenManners.length).toBeLessThanOrEqual(1);
      }
    }
  });
});
