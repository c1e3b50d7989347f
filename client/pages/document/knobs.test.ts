import { describe, expect, test } from "vitest";
import {
  beamKnobs,
  firstKnob,
  fromSlider,
  knobLimits,
  repetitionKnobs,
  sliderScale,
  toSlider,
  truncationKnobs,
} from "./knobs.ts";

const knobs = [firstKnob, ...repetitionKnobs, ...truncationKnobs, ...beamKnobs];

describe("the sampling's sliders", () => {
  test.each(knobs)("$name reaches both of its limits and nothing beyond", (knob) => {
    const { min, max } = knobLimits(knob.field);
    const scale = sliderScale(knob);
    expect(fromSlider(knob, scale.min)).toBe(min);
    expect(fromSlider(knob, scale.max)).toBe(max);
  });

  test.each(knobs)(
    "each step of $name gives another value, so that arrow keys never stick",
    (knob) => {
      const { min, max, step } = sliderScale(knob);
      for (let place = min; place + step <= max; place += step) {
        expect(fromSlider(knob, place + step)).toBeGreaterThan(fromSlider(knob, place));
      }
    },
  );

  test("a typed value between two stops shows at the nearer one", () => {
    const topK = knobs.find(({ field }) => field === "topK");
    if (topK === undefined) throw new Error("there is no knob for topK");
    expect(fromSlider(topK, toSlider(topK, 44))).toBe(40);
    expect(fromSlider(topK, toSlider(topK, 990))).toBe(1000);
  });

  test("what can be negative is filled from 0, the rest from its least value", () => {
    const fromZero = knobs.filter((knob) => sliderScale(knob).startPointValue === 0);
    expect(fromZero.map(({ field }) => field)).toEqual([
      "frequencyPenalty",
      "presencePenalty",
      "lengthPenalty",
    ]);
  });

  test("values carry no dust of binary fractions", () => {
    expect(fromSlider(firstKnob, 0.05 + 0.05 * 5)).toBe(0.3);
  });
});
