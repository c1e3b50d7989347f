import { z } from "zod";
import { accountRoles, documentRoles } from "./permissions.ts";
import { runSchema } from "./run.ts";

const id = z.string();
const timestamp = z.string();

/** A title: one line, 1–200 characters once trimmed. */
export const titleSchema = z.string().trim().min(1).max(200);
/** The most a document's first body may hold, in UTF-16 units. */
export const bodyMaxCharacters = 400_000;

export const signInInputSchema = z.strictObject({
  email: z.string().trim().min(3).max(254),
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

export const createDocumentInputSchema = z.strictObject({
  title: titleSchema,
  body: z.string().max(bodyMaxCharacters).optional(),
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

export const assignmentInputSchema = z.strictObject({
  email: z.string().trim().min(3).max(254),
  role: z.enum(["editor", "watcher"]),
});
export const assignmentSchema = z.object({
  userId: id,
  email: z.string(),
  name: z.string(),
  role: z.enum(documentRoles),
});
export type Assignment = z.infer<typeof assignmentSchema>;

export const versionKinds = ["automatic", "run", "named"] as const;
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
});
export type Model = z.infer<typeof modelSchema>;
