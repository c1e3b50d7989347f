import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { modelQualitySchema, promptTemplateSchema } from "#shared/models.ts";
import { UnavailableError } from "../errors.ts";

const upTo = (limit: number) => z.int().min(1).max(limit);
/** Of the model's own folder, which a card leads nobody out of. */
const fileName = z.string().regex(/^(?!\.+$)[\w.-]+$/);

/** What an imported model folder says about itself in `card.json`; sizes go as far as an import takes them. */
export const modelCardSchema = z.object({
  id: z.string(),
  name: z.string(),
  licence: z.string(),
  architecture: z.literal("gpt2"),
  precision: z.enum(["fp32", "int8", "int8-block32"]),
  parameters: z.int().positive(),
  contextTokens: upTo(65_536),
  vocabularySize: upTo(1_000_000),
  endOfTextId: z.int().nonnegative(),
  layers: upTo(256),
  heads: upTo(256),
  headSize: upTo(16_384),
  /** One graph for each number of sequences that a single run can carry; all share the weights. */
  graphs: z.array(z.object({ slots: upTo(1_024), file: fileName })).min(1),
  /** SHA-256, in hexadecimal, of each file that the model was made from. */
  source: z.object({ folder: z.string(), sha256: z.record(z.string(), z.string()) }),
  /** SHA-256, in hexadecimal, of each file of the folder but the card; absent in early imports. */
  files: z.record(fileName, z.string()).optional(),
  /** How far its words are from the original's; absent where it was not measured. */
  quality: modelQualitySchema.optional(),
  /** Why it was not. */
  unmeasured: z.string().optional(),
  /** What else was tried at the import, and why it was not taken. */
  rejected: z
    .array(
      z.object({
        precision: z.string(),
        quality: modelQualitySchema.optional(),
        unmeasured: z.string().optional(),
      }),
    )
    .optional(),
  /** Tokens a second on the machine of the import: of one sequence, and of eight in all. */
  speed: z
    .object({ oneStream: z.number(), eightStreams: z.number(), machine: z.string() })
    .optional(),
  /** What a model that was trained on prompts wants around its input; `{input}` stands for the text. */
  promptTemplate: promptTemplateSchema.optional(),
});
export type ModelCard = z.infer<typeof modelCardSchema>;

/** Of a card; one takes a few kilobytes. */
const mostBytes = 1_000_000;

/** Reads a model folder's card; throws an UnavailableError that names the folder, why, and what to do. */
export function readModelCard(folder: string): ModelCard {
  const path = join(folder, "card.json");
  try {
    const about = statSync(path);
    if (!about.isFile() || about.size > mostBytes) throw new Error("it is no card");
    return modelCardSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    throw new UnavailableError(
      `The model folder ${folder} has no readable card.json: ${whyUnread(cause)}. Remove the model and add it again.`,
      cause,
    );
  }
}

/** In words, without what stands in the file. */
function whyUnread(error: unknown): string {
  if (error instanceof z.ZodError) {
    const fields = error.issues.map(({ path }) => path.join(".") || "the whole");
    return `of its fields ${[...new Set(fields)].slice(0, 3).join(", ")} is not what an import writes`;
  }
  if (error instanceof SyntaxError) return "it is not JSON";
  if (error instanceof Error && "code" in error)
    return error.code === "ENOENT" ? "it is missing" : `it cannot be read (${String(error.code)})`;
  return error instanceof Error ? error.message : "it cannot be read";
}
