import { z } from "zod";

/** The limits of each sampling field, as in the contract's table; the UI draws its sliders from them. */
export const samplingLimits = {
  temperature: { min: 0.05, max: 3, default: 0.8 },
  topK: { min: 0, max: 1000, default: 40 },
  topP: { min: 0.01, max: 1, default: 0.95 },
  minP: { min: 0, max: 1, default: 0 },
  repetitionPenalty: { min: 1, max: 2, default: 1.1 },
  noRepeatNgramSize: { min: 0, max: 10, default: 4 },
  maxTokens: { min: 1, max: 100_000, default: 200 },
  stop: { maxStrings: 8, maxCharacters: 64 },
  seed: { min: 0, max: 2 ** 32 - 1 },
} as const;

const between = (limits: { min: number; max: number }) =>
  z.number().min(limits.min).max(limits.max);
const wholeBetween = (limits: { min: number; max: number }) =>
  z.int().min(limits.min).max(limits.max);

const fields = {
  strategy: z.enum(["sample", "greedy"]),
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

/** What a caller may send: every field optional, unknown fields refused. */
export const samplingInputSchema = z.strictObject(fields).partial();
export type SamplingInput = z.infer<typeof samplingInputSchema>;

/** What a run carries: every field decided, the seed too. */
export const samplingSchema = z.strictObject(fields);
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
};

/** The presets a writer sees; each changes only what it names. */
export const samplingPresets = [
  { id: "careful", name: "Careful", sampling: { temperature: 0.5, topK: 20, topP: 0.9 } },
  { id: "balanced", name: "Balanced", sampling: { temperature: 0.8, topK: 40, topP: 0.95 } },
  { id: "adventurous", name: "Adventurous", sampling: { temperature: 1.1, topK: 100, topP: 0.98 } },
] as const satisfies readonly { id: string; name: string; sampling: SamplingInput }[];
