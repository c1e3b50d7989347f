import { z } from "zod";
import { remarkSchema } from "./account.ts";
import { auditActions, auditTargetKinds } from "./audit.ts";
import { emailSchema, idInputSchema } from "./http.ts";
import { accountRoles, accountStatuses } from "./permissions.ts";
import { cleanLine } from "./plain-text.ts";
import { runSchema } from "./run.ts";

const id = z.string();
const timestamp = z.string();
const someone = z.object({ id, name: z.string() });

/** Rows on one page of an admin's list. */
export const adminPageSize = 50;
const page = z.coerce.number().int().min(1).max(100_000).default(1);
const search = z.string().transform(cleanLine).pipe(z.string().max(200)).default("");
const direction = z.enum(["asc", "desc"]).default("desc");

export const adminUsersQuerySchema = z.strictObject({
  status: z.enum(accountStatuses).optional(),
  role: z.enum(accountRoles).optional(),
  /** Part of a name, an email or an organisation. */
  search,
  sort: z.enum(["createdAt", "name", "email", "role", "status"]).default("createdAt"),
  direction,
  page,
});
export type AdminUsersQuery = z.infer<typeof adminUsersQuerySchema>;

export const adminUserSchema = z.object({
  id,
  email: z.string(),
  name: z.string(),
  organisation: z.string().nullable(),
  /** Why the person asked to join. */
  reason: z.string().nullable(),
  role: z.enum(accountRoles),
  status: z.enum(accountStatuses),
  createdAt: timestamp,
  /** What the admin wrote who approved, rejected or suspended. */
  statusReason: z.string().nullable(),
  statusChangedAt: timestamp.nullable(),
  statusChangedBy: someone.nullable(),
  totp: z.boolean(),
  lastSeenAt: timestamp.nullable(),
});
export type AdminUser = z.infer<typeof adminUserSchema>;

export const decisions = ["approve", "reject", "suspend", "reinstate"] as const;
export type Decision = (typeof decisions)[number];
export const decisionInputSchema = z.strictObject({ reason: remarkSchema.optional() });
export const manyDecisionsInputSchema = z.strictObject({
  ids: z.array(idInputSchema).min(1).max(100),
  reason: remarkSchema.optional(),
});
/** Of many at once: each is decided for itself. */
export const manyDecisionsSchema = z.object({
  users: z.array(adminUserSchema),
  refused: z.array(z.object({ id, code: z.string(), message: z.string() })),
});
export const changeRoleInputSchema = z.strictObject({ role: z.enum(accountRoles) });
export const resetLinkInputSchema = z.strictObject({
  /** Takes the second factor off as well, for someone who has lost it. */
  removeTotp: z.boolean().optional(),
});
export const resetLinkSchema = z.object({ url: z.string(), expiresAt: timestamp });

/** What an account may spend; null: no limit. */
export const quotaSchema = z.object({
  tokensPerDay: z.number().int().min(0).max(1_000_000_000).nullable(),
  runsAtOnce: z.number().int().min(0).max(1000).nullable(),
});
export type Quota = z.infer<typeof quotaSchema>;
export const quotaInputSchema = z.strictObject(quotaSchema.shape);
export const accountQuotaSchema = quotaSchema.extend({
  /** Whether the account has a row of its own; else the default holds. */
  own: z.boolean(),
  usedToday: z.number(),
  runsNow: z.number(),
});
export type AccountQuota = z.infer<typeof accountQuotaSchema>;

export const adminDocumentsQuerySchema = z.strictObject({
  /** Part of a title, or of the owner's name or email. */
  search,
  live: z.enum(["true"]).optional(),
  sort: z.enum(["createdAt", "updatedAt", "title", "owner", "size"]).default("updatedAt"),
  direction,
  page,
});
export type AdminDocumentsQuery = z.infer<typeof adminDocumentsQuerySchema>;
/** A document as an admin sees it: never its text. */
export const adminDocumentSchema = z.object({
  id,
  title: z.string(),
  owner: someone,
  people: z.number(),
  run: runSchema.nullable(),
  /** Of its log and snapshots in the database. */
  sizeBytes: z.number(),
  createdAt: timestamp,
  updatedAt: timestamp,
  archivedAt: timestamp.nullable(),
  purgeAt: timestamp.nullable(),
});
export type AdminDocument = z.infer<typeof adminDocumentSchema>;
export const giveDocumentInputSchema = z.strictObject({ email: emailSchema });
/** The title again, so that nothing is purged by a slip. */
export const purgeDocumentInputSchema = z.strictObject({ title: z.string().max(400) });

/** A day that both databases can count from and to. */
const day = z.iso
  .date()
  .refine((date) => date >= "1970" && date < "3000", "must be a day between 1970 and 2999");

export const auditQuerySchema = z.strictObject({
  /** Part of an actor's or target's name or email. */
  search,
  action: z.enum(auditActions).optional(),
  target: z.enum(auditTargetKinds).optional(),
  /** ISO dates, inclusive. */
  from: day.optional(),
  to: day.optional(),
  page,
});
export type AuditQuery = z.infer<typeof auditQuerySchema>;
export const auditEventSchema = z.object({
  id: z.number(),
  createdAt: timestamp,
  action: z.enum(auditActions),
  actor: someone.nullable(),
  target: z.object({ kind: z.enum(auditTargetKinds), id, name: z.string().nullable() }).nullable(),
  address: z.string().nullable(),
  requestId: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditEvent = z.infer<typeof auditEventSchema>;

export const healthSchema = z.object({
  version: z.string(),
  startedAt: timestamp,
  database: z.object({
    kind: z.enum(["postgres", "pglite"]),
    ready: z.boolean(),
    sizeBytes: z.number(),
  }),
  model: z.object({ ready: z.boolean(), name: z.string().nullable() }),
  /** Of the models that are loaded: what runs them, here and elsewhere. */
  engines: z.array(
    z.object({
      model: z.string(),
      name: z.string(),
      kind: z.enum(["local", "remote"]),
      available: z.boolean(),
      /** Why it is not available. */
      problem: z.string().nullable(),
      sequences: z.number(),
      places: z.number(),
      failures: z.number(),
    }),
  ),
  connections: z.object({ sockets: z.number(), sync: z.number() }),
  documents: z.object({ total: z.number(), open: z.number(), liveRuns: z.number() }),
  memoryBytes: z.number(),
  eventLoopDelayMs: z.number(),
  mail: z.object({ configured: z.boolean(), waiting: z.number(), failed: z.number() }),
});
export type Health = z.infer<typeof healthSchema>;
