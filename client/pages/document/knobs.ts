import { samplingLimits } from "#shared/sampling.ts";

export type KnobField =
  | "temperature"
  | "topK"
  | "topP"
  | "minP"
  | "repetitionPenalty"
  | "noRepeatNgramSize";

/** One number of the sampling, as the panel shows it. */
export interface Knob {
  field: KnobField;
  name: string;
  /** What turning it does, for someone who writes and does not compute. */
  explanation: string;
  /** The slider's step; a value in between can be typed. */
  step: number;
  /** Where the slider rests, in place of even steps, ascending. */
  stops?: readonly number[];
}

/** The knob that most people turn. */
export const firstKnob: Knob = {
  field: "temperature",
  name: "Temperature",
  explanation: "Creativity. Low keeps to the likeliest words, high takes surprising ones.",
  step: 0.05,
};

/** The others, those that are felt first before those that are felt least. */
export const furtherKnobs: readonly Knob[] = [
  {
    field: "repetitionPenalty",
    name: "Repetition penalty",
    explanation: "Above 1, words that stand in the text already become less likely.",
    step: 0.01,
  },
  {
    field: "noRepeatNgramSize",
    name: "No repeated phrases of",
    explanation: "No run of this many tokens is written twice. 0 is off.",
    step: 1,
  },
  {
    field: "topK",
    name: "Top-k",
    explanation: "Only this many of the likeliest tokens are considered. 0 is off.",
    step: 1,
    stops: [0, 1, 2, 3, 5, 8, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1000],
  },
  {
    field: "topP",
    name: "Top-p",
    explanation: "Only the likeliest tokens that together make up this share. 1 is off.",
    step: 0.01,
  },
  {
    field: "minP",
    name: "Min-p",
    explanation: "Leaves out tokens less likely than this share of the likeliest. 0 is off.",
    step: 0.01,
  },
];

/** Where a knob begins and ends. */
export function knobLimits(field: KnobField): { min: number; max: number } {
  return samplingLimits[field];
}

/** A slider's own numbers: a knob's values, or the places of its stops. */
export interface SliderScale {
  min: number;
  max: number;
  step: number;
}

/** What the slider of `knob` counts in. */
export function sliderScale({ field, step, stops }: Knob): SliderScale {
  if (stops !== undefined) return { min: 0, max: stops.length - 1, step: 1 };
  return { ...knobLimits(field), step };
}

/** Where `value` stands on the slider: at itself, or at the nearest stop. */
export function toSlider({ stops }: Knob, value: number): number {
  if (stops === undefined) return value;
  const distances = stops.map((stop) => Math.abs(stop - value));
  return distances.indexOf(Math.min(...distances));
}

/** The value at a slider's place, without the dust of binary fractions. */
export function fromSlider({ field, stops }: Knob, place: number): number {
  if (stops !== undefined) return stops[place] ?? knobLimits(field).max;
  return Number(place.toFixed(2));
}
