import { z } from "zod";
import { modelJobSteps, promptTemplateSchema } from "#shared/models.ts";
import { modelCardSchema } from "../inference/model-card.ts";
import { precisions } from "./precision.ts";

/** What the process that imports is to do. */
export const importOrderSchema = z.object({
  source: z.string(),
  modelsDir: z.string(),
  id: z.string(),
  makeDefault: z.boolean(),
  precision: z.enum(precisions).optional(),
  promptTemplate: promptTemplateSchema.optional(),
});
export type ImportOrder = z.infer<typeof importOrderSchema>;

/** The one thing that it is told later: to stop, and to leave nothing behind. */
export const stopMessage = "stop";

/** What it tells. */
export const importReportSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("progress"),
    progress: z.object({ step: z.enum(modelJobSteps), done: z.number(), total: z.number() }),
  }),
  z.object({ type: z.literal("imported"), card: modelCardSchema }),
  z.object({
    type: z.literal("refused"),
    code: z.string(),
    status: z.number(),
    message: z.string(),
  }),
  z.object({ type: z.literal("failed"), message: z.string() }),
]);
export type ImportReport = z.infer<typeof importReportSchema>;
