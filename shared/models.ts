import { z } from "zod";
import { modelSchema } from "./http.ts";

/** A model of the hub that people ask for by a short name. */
export interface KnownModel {
  /** The short name, which is also the id that it gets here. */
  name: string;
  repository: string;
  parameters: number;
  /** Of what is fetched, as published; the exact size is asked of the hub. */
  downloadBytes: number;
  about: string;
}

/** What the page offers and the command line knows by short names. */
export const knownModels: readonly KnownModel[] = [
  {
    name: "distilgpt2",
    repository: "distilbert/distilgpt2",
    parameters: 81_912_576,
    downloadBytes: 354_000_000,
    about: "Small and quick",
  },
  {
    name: "gpt2",
    repository: "openai-community/gpt2",
    parameters: 124_439_808,
    downloadBytes: 550_000_000,
    about: "The original, small",
  },
  {
    name: "gpt2-medium",
    repository: "openai-community/gpt2-medium",
    parameters: 354_823_168,
    downloadBytes: 1_522_000_000,
    about: "Writes better, at a third of the speed",
  },
  {
    name: "gpt2-large",
    repository: "openai-community/gpt2-large",
    parameters: 774_030_080,
    downloadBytes: 3_249_000_000,
    about: "Better still, slower still",
  },
  {
    name: "gpt2-xl",
    repository: "openai-community/gpt2-xl",
    parameters: 1_557_611_200,
    downloadBytes: 6_433_000_000,
    about: "The best of them, for a strong machine",
  },
];

const namePart = /^(?!.*(?:\.\.|--))[A-Za-z0-9](?:[\w.-]{0,94}\w)?$/;

/** A model's name on the hub: `owner/name`, or a short name; never an address or a path. */
export const hubNameSchema = z
  .string()
  .trim()
  .max(200)
  .refine(
    isHubName,
    "must be a short name like gpt2, or owner/name like openai-community/gpt2-medium",
  );

function isHubName(name: string): boolean {
  const parts = name.split("/");
  return parts.length <= 2 && parts.every((part) => namePart.test(part));
}

/** The repository that a name stands for; short names that are not known are repositories themselves. */
export function repositoryOf(name: string): string {
  return knownModels.find((known) => known.name === name)?.repository ?? name;
}

/** The id that a model of the hub gets where nobody says otherwise. */
export function modelIdOf(repository: string): string {
  return (repository.split("/").at(-1) ?? repository).toLowerCase();
}

/** What a model may be called: it names a folder, beside the manifest, and stands in addresses. */
export const modelIdSchema = z.string().regex(/^(?!manifest\.json$)[a-z0-9][a-z0-9._-]{0,63}$/);

/** How far a model's words may be from those that its publisher's numbers would give. */
export const modelQualitySchema = z.object({
  /** Mean Kullback-Leibler divergence from the original, in nats a token. */
  meanKl: z.number(),
  /** In how many of 100 places the likeliest token is the same, as a share of 1. */
  top1Agreement: z.number(),
  /** Tokens of text that it was measured on. */
  tokens: z.number(),
  /** What each expects of that text's next tokens: e to their mean negative log probability. */
  perplexity: z.object({ original: z.number(), here: z.number() }).optional(),
});
export type ModelQuality = z.infer<typeof modelQualitySchema>;

/**
 * What stands around the text in the prompt of a model that was trained on prompts: `{input}` is the
 * text before the caret, and `<|endoftext|>` the special token of that name.
 */
export const promptTemplateSchema = z
  .string()
  .max(1_000)
  .refine((template) => template.split("{input}").length === 2, "must hold {input} once");

/** A model as an admin sees it; of one that cannot be used little more is known than its id. */
export const adminModelSchema = modelSchema.extend({
  /** Why nobody can use it, and what to do; null: it can be used. */
  problem: z.string().nullable(),
  /** Whether its files lie here; else another machine runs it. */
  installed: z.boolean(),
  licence: z.string(),
  /** On disk. */
  sizeBytes: z.number(),
  /** null: not measured. */
  quality: modelQualitySchema.nullable(),
  /** Sequences that the engine holds for it now; 0 where it is not loaded. */
  inUse: z.number(),
  /** Runs that live, the paused ones too. */
  liveRuns: z.number(),
});
export type AdminModel = z.infer<typeof adminModelSchema>;

export const modelJobStates = ["queued", "running", "stopped", "failed"] as const;

/** What is done to add a model, in this order. */
export const modelJobSteps = [
  "asking",
  "downloading",
  "verifying",
  "checking",
  "converting",
  "measuring",
  "finishing",
] as const;
export type ModelJobStep = (typeof modelJobSteps)[number];

/** The adding of one model. */
export const modelJobSchema = z.object({
  id: z.string(),
  /** Its name on the hub. */
  repository: z.string(),
  /** What it will be called here. */
  modelId: z.string(),
  state: z.enum(modelJobStates),
  step: z.enum(modelJobSteps),
  /** Of the step: bytes while downloading and verifying, else the importer's own units; total 0: not known. */
  done: z.number(),
  total: z.number(),
  /** While downloading; null: not known yet. */
  bytesPerSecond: z.number().nullable(),
  /** Why it failed, and what to do. */
  problem: z.string().nullable(),
});
export type ModelJob = z.infer<typeof modelJobSchema>;

export const adminModelsSchema = z.object({
  models: z.array(adminModelSchema),
  jobs: z.array(modelJobSchema),
  /** Where models are fetched from: a host. */
  hub: z.string(),
  /** Free on the disk that the models lie on. */
  freeBytes: z.number(),
});
export type AdminModels = z.infer<typeof adminModelsSchema>;

export const addModelInputSchema = z.strictObject({ name: hubNameSchema });
export const removeModelInputSchema = z.strictObject({
  /** Although runs live: they pause, and a later Start chooses another model. */
  force: z.boolean().optional(),
});

/** What a look at a model's files found. */
export const modelCheckSchema = z.object({
  files: z.number(),
  damaged: z.array(z.object({ file: z.string(), problem: z.string() })),
  /** Files that nothing is known of, because an earlier version imported them. */
  unknown: z.array(z.string()),
});
export type ModelCheck = z.infer<typeof modelCheckSchema>;
