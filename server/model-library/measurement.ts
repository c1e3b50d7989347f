import { z } from "zod";
import { modelQualitySchema } from "#shared/models.ts";

/** What the process that measures is told. */
export const measureSettingsSchema = z.object({
  /** A converted model, with its card. */
  folder: z.string(),
  /**
   * A file of logits [tokens, vocabulary] as 32-bit floats: of the fp32 model, which writes it, and
   * for the others to be compared with. Without it only speed is measured.
   */
  reference: z.object({ path: z.string(), write: z.boolean() }).nullable(),
});
export type MeasureSettings = z.infer<typeof measureSettingsSchema>;

const speedSchema = z.object({
  /** Tokens a second of one sequence, and of eight at once in all. */
  oneStream: z.number().positive(),
  eightStreams: z.number().positive(),
});

export const measurementSchema = z.object({
  /** Absent where there was nothing to compare with. */
  quality: modelQualitySchema.optional(),
  speed: speedSchema,
});
export type Measurement = z.infer<typeof measurementSchema>;

/** What it says. */
export const measureReportSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("progress"), done: z.number(), total: z.number() }),
  z.object({ type: z.literal("measured"), measurement: measurementSchema }),
  z.object({ type: z.literal("failed"), message: z.string() }),
]);
export type MeasureReport = z.infer<typeof measureReportSchema>;

/** Tokens of the calibration text that are used at most. */
export const calibrationTokens = 2048;
