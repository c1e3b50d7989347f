import { z } from "zod";
import { accountRoles, documentRoles } from "./permissions.ts";
import { cleanLine, cleanText } from "./plain-text.ts";
import { runSchema } from "./run.ts";

const id = z.string();
const timestamp = z.string();

const withoutZero = /^[^\0]*$/;
/** An id that somebody sends: Postgres refuses a zero character where it looks for it. */
export const idInputSchema = z.string().max(64).regex(withoutZero);

/** A line that a person writes: cleaned, 1–200 characters once trimmed. */
const lineSchema = z.string().transform(cleanLine).pipe(z.string().min(1).max(200));
/** A title: one line, 1–200 characters once trimmed. */
export const titleSchema = lineSchema;
/** The most a document's first body may hold, in UTF-16 units; more is 413. */
export const bodyMaxCharacters = 400_000;

/** Not checked more closely: whether an account has it is what counts. */
export const emailInputSchema = z.string().trim().min(3).max(254).regex(withoutZero);
/** The email of a new account. */
export const emailSchema = z
  .string()
  .trim()
  .max(254)
  .regex(/^[^\s\p{Cc}\p{Cf}@]+@[^\s\p{Cc}\p{Cf}@]+$/u, "must be an email address");
/** What others see of an account. */
export const nameSchema = z.string().transform(cleanLine).pipe(z.string().min(1).max(100));

export const signInInputSchema = z.strictObject({
  email: emailInputSchema,
  password: z.string().min(1).max(1024),
  totp: z.string().max(16).optional(),
});

export const userSchema = z.object({
  id,
  email: z.string(),
  name: z.string(),
  role: z.enum(accountRoles),
});
export type User = z.infer<typeof userSchema>;

export const createDocumentInputSchema = z
  .strictObject({
    title: titleSchema,
    body: z.string().transform(cleanText).optional(),
    /** Another document, whose text and formatting the new one begins with, without its history. */
    copyOf: idInputSchema.optional(),
  })
  .refine(({ body, copyOf }) => body === undefined || copyOf === undefined, {
    path: ["copyOf"],
    message: "must not come with a body",
  });
export type CreateDocumentInput = z.infer<typeof createDocumentInputSchema>;

export const changeDocumentInputSchema = z.strictObject({
  title: titleSchema.optional(),
  archived: z.boolean().optional(),
  editorsMayRun: z.boolean().optional(),
});
export type ChangeDocumentInput = z.infer<typeof changeDocumentInputSchema>;

export const documentSchema = z.object({
  id,
  title: z.string(),
  /** The account's role on it; null only in an admin's list. */
  role: z.enum(documentRoles).nullable(),
  owner: z.object({ id, name: z.string() }),
  /** First line of the text, for the list; "" where there is none. */
  excerpt: z.string(),
  people: z.array(z.object({ id, name: z.string(), role: z.enum(documentRoles) })),
  editorsMayRun: z.boolean(),
  restoreEpoch: z.number(),
  run: runSchema.nullable(),
  createdAt: timestamp,
  updatedAt: timestamp,
  archivedAt: timestamp.nullable(),
});
export type DocumentSummary = z.infer<typeof documentSchema>;

/** A run in a document's history. */
export const documentRunSchema = runSchema.extend({ createdAt: timestamp });
export type DocumentRun = z.infer<typeof documentRunSchema>;

export const assignmentInputSchema = z.strictObject({
  email: emailInputSchema,
  role: z.enum(["editor", "watcher"]),
});
export type AssignmentInput = z.infer<typeof assignmentInputSchema>;
export const assignmentSchema = z.object({
  userId: id,
  email: z.string(),
  name: z.string(),
  role: z.enum(documentRoles),
});
export type Assignment = z.infer<typeof assignmentSchema>;

export const versionKinds = ["automatic", "run", "named"] as const;
export const versionInputSchema = z.strictObject({ label: lineSchema });
export const versionSchema = z.object({
  id,
  label: z.string().nullable(),
  kind: z.enum(versionKinds),
  createdAt: timestamp,
  createdBy: z.object({ id, name: z.string() }).nullable(),
});
export type Version = z.infer<typeof versionSchema>;

export const modelSchema = z.object({
  id,
  name: z.string(),
  parameters: z.number(),
  contextTokens: z.number(),
  precision: z.string(),
  default: z.boolean(),
  /** false: each of its engines is away, and a Start would be refused. */
  available: z.boolean(),
  /** Of a model that was trained on prompts: what stands around the text, `{input}`. */
  promptTemplate: z.string().optional(),
});
export type Model = z.infer<typeof modelSchema>;
