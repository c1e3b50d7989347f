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
  step: number;
}

/** The knob that most people turn. */
export const firstKnob: Knob = {
  field: "temperature",
  name: "Temperature",
  explanation: "Creativity. Low keeps to the likeliest words, high takes surprising ones.",
  step: 0.05,
};

/** The others, in the order in which the model applies them. */
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

const sliderSteps = 100;

/** The place of `value` on a slider of 0–100; top-k runs in squares, since small values matter most. */
export function toSlider(field: KnobField, value: number): number {
  const { min, max } = knobLimits(field);
  const share = (Math.max(min, value) - min) / (max - min);
  return sliderSteps * (field === "topK" ? Math.sqrt(share) : share);
}

/** The value at a slider's place, rounded to the knob's step. */
export function fromSlider({ field, step }: Knob, place: number): number {
  const { min, max } = knobLimits(field);
  const share = place / sliderSteps;
  const value = min + (max - min) * (field === "topK" ? share * share : share);
  const stepped = Math.round(value / step) * step;
  return Number(Math.min(max, Math.max(min, stepped)).toFixed(2));
}
