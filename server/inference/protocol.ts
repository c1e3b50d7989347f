import { z } from "zod";
import { samplingSchema } from "#shared/sampling.ts";

const number = z.int().nonnegative();
const ids = z.array(number);

/** What a person may choose, but for its length: to finish a sentence a run draws beyond that. */
const runSamplingSchema = samplingSchema.extend({ maxTokens: number.nullable() });

const requestSchema = z.object({
  prompt: ids.min(1),
  firstIndex: number,
  sampling: runSamplingSchema,
  history: ids,
  written: ids,
  bannedSequences: z.array(ids),
  alternatives: number,
});
export type WorkerRequest = z.infer<typeof requestSchema>;

/** What the engine asks of its worker. Sequences and generations are numbered by the engine. */
export const commandSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("generate"),
    generation: number,
    sequence: number,
    request: requestSchema,
  }),
  /** Consumers took tokens, `count` of each generation: as many more may be computed ahead. */
  z.object({
    type: z.literal("credit"),
    taken: z.array(z.object({ generation: number, count: number })),
  }),
  z.object({ type: z.literal("cancel"), generation: number }),
  z.object({ type: z.literal("forget"), sequence: number }),
  z.object({ type: z.literal("close") }),
]);
export type Command = z.infer<typeof commandSchema>;

/** What the worker is started with. */
export const workerSettingsSchema = z.object({
  modelFolder: z.string(),
  runtime: z.enum(["zero-copy", "binding"]).optional(),
  threads: z.int().positive().optional(),
  places: z.int().positive(),
  /** What keys and values may take. */
  memoryBytes: number,
});
export type WorkerSettings = z.infer<typeof workerSettingsSchema>;

const tokenSchema = z.object({
  index: number,
  id: number,
  logprob: z.number(),
  contextTokens: number,
  droppedTokens: number,
  alternatives: z
    .array(z.object({ id: number, logprob: z.number() }))
    .readonly()
    .exactOptional(),
});

/** One thing that the worker tells. A generation's last is `ended`, `failed`, `refused` or `barred`. */
const reportSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("ready"),
    runtime: z.enum(["zero-copy", "binding"]),
    fallbackReason: z.string().optional(),
  }),
  z.object({
    type: z.literal("prefilled"),
    generation: number,
    report: z.object({ promptTokens: number, keptTokens: number }),
  }),
  z.object({ type: z.literal("token"), generation: number, token: tokenSchema }),
  z.object({ type: z.literal("ended"), generation: number }),
  z.object({ type: z.literal("failed"), generation: number, message: z.string() }),
  z.object({ type: z.literal("refused"), generation: number, message: z.string() }),
  z.object({ type: z.literal("barred"), generation: number }),
  /** Generations that wait for a place, first in line first. */
  z.object({ type: z.literal("queue"), generations: z.array(number) }),
]);
export type Report = z.infer<typeof reportSchema>;

/** What a worker sends: all that one step brought, in order. */
export const reportsSchema = z.array(reportSchema);

/** Tokens that a worker computes ahead of the consumer. */
export const initialCredit = 4;
