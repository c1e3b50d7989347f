import { z } from "zod";

/** The limits of each sampling field, as in the contract's table; the UI draws its sliders from them. */
export const samplingLimits = {
  temperature: { min: 0.05, max: 3, default: 0.8 },
  topK: { min: 0, max: 1000, default: 40 },
  topP: { min: 0.01, max: 1, default: 0.95 },
  minP: { min: 0, max: 1, default: 0 },
  typicalP: { min: 0.01, max: 1, default: 1 },
  repetitionPenalty: { min: 1, max: 2, default: 1.1 },
  noRepeatNgramSize: { min: 0, max: 10, default: 4 },
  frequencyPenalty: { min: -2, max: 2, default: 0 },
  presencePenalty: { min: -2, max: 2, default: 0 },
  maxTokens: { min: 1, max: 100_000, default: 200 },
  stop: { maxStrings: 8, maxCharacters: 64 },
  bannedWords: { maxWords: 64, maxCharacters: 64 },
  logitBias: { min: -100, max: 100, maxTokens: 256 },
  beams: { min: 2, max: 8, default: 5 },
  /** Beams are kept whole until the last token, so their text is short. */
  beamTokens: { max: 512 },
  lengthPenalty: { min: -2, max: 2, default: 1 },
  seed: { min: 0, max: 2 ** 32 - 1 },
} as const;

const between = (limits: { min: number; max: number }) =>
  z.number().min(limits.min).max(limits.max);
const wholeBetween = (limits: { min: number; max: number }) =>
  z.int().min(limits.min).max(limits.max);

export const stopPlaces = ["sentence", "paragraph"] as const;
export type StopPlace = (typeof stopPlaces)[number];

/** Fields that runs have had from the first. */
const firstFields = {
  strategy: z.enum(["sample", "greedy", "beams"]),
  /** 0 means greedy; else 0.05–3. */
  temperature: z.union([z.literal(0), between(samplingLimits.temperature)]),
  topK: wholeBetween(samplingLimits.topK),
  topP: between(samplingLimits.topP),
  minP: between(samplingLimits.minP),
  repetitionPenalty: between(samplingLimits.repetitionPenalty),
  noRepeatNgramSize: wholeBetween(samplingLimits.noRepeatNgramSize),
  /** null is endless: the end-of-text token is banned then. Counts the whole run. */
  maxTokens: wholeBetween(samplingLimits.maxTokens).nullable(),
  minTokens: z.int().min(0).max(samplingLimits.maxTokens.max),
  stop: z
    .array(z.string().min(1).max(samplingLimits.stop.maxCharacters))
    .max(samplingLimits.stop.maxStrings),
  seed: wholeBetween(samplingLimits.seed),
};

const tokenId = z.string().regex(/^(0|[1-9]\d{0,6})$/, "must be a token id");

/** Fields that runs stored by earlier versions do not have. */
const laterFields = {
  typicalP: between(samplingLimits.typicalP),
  frequencyPenalty: between(samplingLimits.frequencyPenalty),
  presencePenalty: between(samplingLimits.presencePenalty),
  /** Words and phrases that are never written, with or without a space before them. */
  bannedWords: z
    .array(z.string().min(1).max(samplingLimits.bannedWords.maxCharacters))
    .max(samplingLimits.bannedWords.maxWords),
  /** Token id → what is added to its logit. */
  logitBias: z
    .record(tokenId, between(samplingLimits.logitBias))
    .refine((bias) => Object.keys(bias).length <= samplingLimits.logitBias.maxTokens, {
      message: `may name at most ${samplingLimits.logitBias.maxTokens} tokens`,
    }),
  /** Ends there once minTokens is passed, or maxTokens where there is one. */
  stopAt: z.enum(stopPlaces).nullable(),
  /** For the strategy "beams": how many texts are followed, whether the first full set of ends is enough. */
  beams: wholeBetween(samplingLimits.beams),
  earlyStopping: z.boolean(),
  /** Beam scores are divided by length to this power. */
  lengthPenalty: between(samplingLimits.lengthPenalty),
};

/** What a caller may send: every field optional, unknown fields refused. */
export const samplingInputSchema = z.strictObject({ ...firstFields, ...laterFields }).partial();
export type SamplingInput = z.infer<typeof samplingInputSchema>;

/** What a run carries: every field decided, the seed too; what older runs lack is as it was for them. */
export const samplingSchema = z.strictObject({
  ...firstFields,
  typicalP: laterFields.typicalP.default(samplingLimits.typicalP.default),
  frequencyPenalty: laterFields.frequencyPenalty.default(samplingLimits.frequencyPenalty.default),
  presencePenalty: laterFields.presencePenalty.default(samplingLimits.presencePenalty.default),
  bannedWords: laterFields.bannedWords.default([]),
  logitBias: laterFields.logitBias.default({}),
  stopAt: laterFields.stopAt.default(null),
  beams: laterFields.beams.default(samplingLimits.beams.default),
  earlyStopping: laterFields.earlyStopping.default(true),
  lengthPenalty: laterFields.lengthPenalty.default(samplingLimits.lengthPenalty.default),
});
export type Sampling = z.infer<typeof samplingSchema>;

/** The defaults of the contract; the seed is drawn for each run. */
export const defaultSampling: Omit<Sampling, "seed"> = {
  strategy: "sample",
  temperature: samplingLimits.temperature.default,
  topK: samplingLimits.topK.default,
  topP: samplingLimits.topP.default,
  minP: samplingLimits.minP.default,
  repetitionPenalty: samplingLimits.repetitionPenalty.default,
  noRepeatNgramSize: samplingLimits.noRepeatNgramSize.default,
  maxTokens: samplingLimits.maxTokens.default,
  minTokens: 0,
  stop: [],
  typicalP: samplingLimits.typicalP.default,
  frequencyPenalty: samplingLimits.frequencyPenalty.default,
  presencePenalty: samplingLimits.presencePenalty.default,
  bannedWords: [],
  logitBias: {},
  stopAt: null,
  beams: samplingLimits.beams.default,
  earlyStopping: true,
  lengthPenalty: samplingLimits.lengthPenalty.default,
};

/** A choice of settings with a name; it changes only what it names. */
export interface SamplingPreset {
  id: string;
  name: string;
  /** What it is good for, in one sentence. */
  explanation: string;
  sampling: SamplingInput;
}

const { repetitionPenalty, noRepeatNgramSize } = defaultSampling;
const sampled = { strategy: "sample", repetitionPenalty, noRepeatNgramSize } as const;

/** How boldly the model writes. */
export const manners: readonly SamplingPreset[] = [
  {
    id: "careful",
    name: "Careful",
    explanation: "Keeps to what is likely.",
    sampling: { ...sampled, temperature: 0.5, topK: 20, topP: 0.9 },
  },
  {
    id: "balanced",
    name: "Balanced",
    explanation: "As it writes when nobody says otherwise.",
    sampling: { ...sampled, temperature: 0.8, topK: 40, topP: 0.95 },
  },
  {
    id: "adventurous",
    name: "Adventurous",
    explanation: "Takes surprising turns.",
    sampling: { ...sampled, temperature: 1.1, topK: 100, topP: 0.98 },
  },
];

/** What people ask for as a whole. */
export const forms: readonly SamplingPreset[] = [
  {
    id: "snippet",
    name: "Snippet",
    explanation:
      "The best of five texts of 100 tokens, with no phrase of four twice. It appears all at once.",
    sampling: {
      strategy: "beams",
      beams: 5,
      earlyStopping: true,
      noRepeatNgramSize: 4,
      repetitionPenalty: 1,
      maxTokens: 100,
    },
  },
  {
    id: "unfiltered",
    name: "Unfiltered",
    explanation: "The model's own words at temperature 0.7: nothing left out, nothing penalised.",
    sampling: {
      strategy: "sample",
      temperature: 0.7,
      topK: 0,
      topP: 1,
      repetitionPenalty: 1,
      noRepeatNgramSize: 0,
    },
  },
  {
    id: "story",
    name: "Endless story",
    explanation: "Writes until somebody pauses or stops it.",
    sampling: { ...sampled, temperature: 0.8, topK: 40, topP: 0.95, maxTokens: null, minTokens: 0 },
  },
];

/** The presets a writer sees. */
export const samplingPresets: readonly SamplingPreset[] = [...manners, ...forms];

/** Whether a preset is what is set: all that it names is as it says. */
export function isPresetChosen({ sampling }: SamplingPreset, values: SamplingInput): boolean {
  // The schema's own fields, all of them plain values in the presets.
  const fields = Object.keys(sampling) as (keyof SamplingInput)[];
  return fields.every((field) => sampling[field] === values[field]);
}
