import { samplingLimits } from "#shared/sampling.ts";

export type KnobField =
  | "temperature"
  | "topK"
  | "topP"
  | "minP"
  | "typicalP"
  | "repetitionPenalty"
  | "noRepeatNgramSize"
  | "frequencyPenalty"
  | "presencePenalty"
  | "beams"
  | "lengthPenalty";

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

/** What keeps a text from repeating itself, those that are felt first before those that are felt least. */
export const repetitionKnobs: readonly Knob[] = [
  {
    field: "repetitionPenalty",
    name: "Repetition penalty",
    explanation: "Above 1, words that stand in the text already become less likely.",
    step: 0.01,
  },
  {
    field: "noRepeatNgramSize",
    name: "No repeated phrases of",
    explanation: "No phrase of this many tokens is written twice. 0 is off.",
    step: 1,
  },
  {
    field: "frequencyPenalty",
    name: "Frequency penalty",
    explanation:
      "Each time the model has written a word makes it less likely; below 0, likelier. 0 is off.",
    step: 0.1,
  },
  {
    field: "presencePenalty",
    name: "Presence penalty",
    explanation:
      "A word that the model has written once is less likely from then on; below 0, likelier. 0 is off.",
    step: 0.1,
  },
];

/** What leaves unlikely words out, where words are drawn. */
export const truncationKnobs: readonly Knob[] = [
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
  {
    field: "typicalP",
    name: "Typical-p",
    explanation:
      "Only tokens about as surprising as the text leads to expect, up to this share. 1 is off.",
    step: 0.01,
  },
];

/** How beams go about it. */
export const beamKnobs: readonly Knob[] = [
  {
    field: "beams",
    name: "Beams",
    explanation: "How many texts are followed side by side; the best of them is written.",
    step: 1,
  },
  {
    field: "lengthPenalty",
    name: "Length penalty",
    explanation: "Above 0 favours longer texts, below 0 shorter ones.",
    step: 0.1,
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
  /** Where the filled part of its track begins; at the least value where this is not said. */
  startPointValue?: number;
}

/** What the slider of `knob` counts in. */
export function sliderScale({ field, step, stops }: Knob): SliderScale {
  if (stops !== undefined) return { min: 0, max: stops.length - 1, step: 1 };
  const limits = knobLimits(field);
  // What goes both ways shows how far it is from doing nothing.
  return { ...limits, step, ...(limits.min < 0 && { startPointValue: 0 }) };
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
