import { z } from "zod";
import { emailInputSchema, emailSchema, nameSchema, userSchema } from "./http.ts";
import { signUpRoles } from "./permissions.ts";
import { cleanLine, cleanText } from "./plain-text.ts";

const timestamp = z.string();
/** The most characters of a password. */
export const passwordMaximum = 1024;
/** A password as it is typed; whether it is good enough is decided by `accounts`. */
const passwordSchema = z.string().min(1).max(passwordMaximum);
/** Six digits, or a recovery code. */
const totpSchema = z.string().trim().min(1).max(16);
export const organisationSchema = z.string().transform(cleanLine).pipe(z.string().max(200));
/** A few sentences to an admin, or from one. */
export const remarkSchema = z.string().transform(cleanText).pipe(z.string().max(1000));

/** The fewest characters of a password; with a second factor the shorter is enough. */
export const passwordMinimum = { alone: 15, withTotp: 8 } as const;

export const signUpInputSchema = z.strictObject({
  email: emailSchema,
  name: nameSchema,
  organisation: organisationSchema.optional(),
  reason: remarkSchema.optional(),
  password: passwordSchema,
  role: z.enum(signUpRoles),
});
export type SignUpInput = z.infer<typeof signUpInputSchema>;

/** One's own account, as its page shows it. */
export const ownAccountSchema = userSchema.extend({
  organisation: z.string().nullable(),
  createdAt: timestamp,
  totp: z.boolean(),
  /** An admin in production goes on only with a second factor. */
  totpRequired: z.boolean(),
  recoveryCodesLeft: z.number(),
});
export type OwnAccount = z.infer<typeof ownAccountSchema>;

export const changeAccountInputSchema = z.strictObject({
  name: nameSchema.optional(),
  organisation: organisationSchema.nullable().optional(),
  email: emailSchema.optional(),
  /** The current one; asked for when the email changes. */
  password: passwordSchema.optional(),
});
export type ChangeAccountInput = z.infer<typeof changeAccountInputSchema>;

export const changePasswordInputSchema = z.strictObject({
  current: passwordSchema,
  password: passwordSchema,
});

/** Shows that it is the person who sits there, before something that an intruder would want. */
export const confirmationInputSchema = z.strictObject({
  password: passwordSchema,
  totp: totpSchema.optional(),
});
export const totpCodeInputSchema = z.strictObject({ code: totpSchema });

export const totpSetupSchema = z.object({ secret: z.string(), uri: z.string() });
export const recoveryCodesSchema = z.object({ recoveryCodes: z.array(z.string()) });

export const sessionInfoSchema = z.object({
  id: z.string(),
  /** The one that asks. */
  current: z.boolean(),
  address: z.string().nullable(),
  userAgent: z.string().nullable(),
  createdAt: timestamp,
  lastSeenAt: timestamp,
});
export type SessionInfo = z.infer<typeof sessionInfoSchema>;

/**
 * What becomes of what this browser keeps. `false`: the server tells the browser to wipe all that it
 * stored for this site, other people's drafts too, so ask first. Absent or `true`: only the cache;
 * the page removes what is acknowledged itself.
 */
export const signOutInputSchema = z.strictObject({ keepDrafts: z.boolean().optional() });

export const passwordResetRequestSchema = z.strictObject({
  email: emailInputSchema,
});
/** The same for every email: whether this server sends mail at all. */
export const passwordResetAskedSchema = z.object({ mail: z.boolean() });
export const passwordResetInputSchema = z.strictObject({
  token: z.string().min(1).max(100),
  password: passwordSchema,
  totp: totpSchema.optional(),
});

export const deleteAccountInputSchema = confirmationInputSchema.extend({
  /** What becomes of one's own documents: another sponsor's email, or purged after the delay. */
  giveDocumentsTo: emailSchema.optional(),
});
export type DeleteAccountInput = z.infer<typeof deleteAccountInputSchema>;
