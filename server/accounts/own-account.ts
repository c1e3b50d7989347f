import type { Kysely } from "kysely";
import type { ChangeAccountInput, OwnAccount } from "#shared/account.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { InvalidError, SignedOutError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { Session } from "../http/session.ts";
import type { Mail } from "../mail/mail.ts";
import { emailTaken } from "./accounts.ts";
import type { Confirm } from "./confirmation.ts";
import { emailChanged, passwordChanged } from "./own-account-mails.ts";
import { endSessions } from "./own-sessions.ts";
import { refuseWeakPassword } from "./password-policy.ts";
import { hashPassword } from "./passwords.ts";
import { findByEmail } from "./sign-in.ts";
import { transact } from "./transact.ts";

/** Name, organisation, email and password of the account that asks. */
export interface OwnAccounts {
  read(session: Session): Promise<OwnAccount>;
  /** Another email asks for the password. Throws ConflictError `email_taken`, and as Confirm does. */
  change(session: Session, input: ChangeAccountInput, sender: Sender): Promise<OwnAccount>;
  /** Ends all other sessions. Throws InvalidError for a weak password, and as Confirm does. */
  changePassword(
    session: Session,
    input: { current: string; password: string },
    sender: Sender,
  ): Promise<void>;
}

interface OwnAccountsOptions {
  database: Database;
  audit: AuditLog;
  confirm: Confirm;
  mail: Mail;
  /** Whether an admin has to have a second factor. */
  requireTotp: boolean;
  /** Called after a session has ended, so that its open connections end too. */
  onSessionEnded: (sessionId: string) => void;
  /** Called after an account's name has changed. */
  onRenamed: (accountId: string) => Promise<void>;
}

/** What one may do with one's own account, apart from sessions and the second factor. */
export function createOwnAccounts(options: OwnAccountsOptions): OwnAccounts {
  const { confirm, mail, audit, onSessionEnded, onRenamed } = options;
  const { kysely } = options.database;

  /** Without another email nothing is confirmed: nobody gains anything by a name. */
  async function write(session: Session, input: ChangeAccountInput, sender: Sender) {
    const { email, password } = input;
    const { id } = session.actor;
    const record = recordProfile(audit, sender);
    if (email === undefined || email === session.email)
      return transact(kysely, (transaction) =>
        record(transaction, id, { ...input, email: undefined }),
      );
    if (password === undefined)
      throw new InvalidError("Type your password to change your email.", { field: "password" });
    const asked = { session, sender, confirmation: { password }, passwordOnly: true };
    return confirm(asked, async (transaction, account) => {
      await requireFree(transaction, email, id);
      await record(transaction, id, input);
      // A link that went to the old address must not open the account any more.
      await transaction.deleteFrom("password_resets").where("user_id", "=", id).execute();
      await mail.send(emailChanged({ to: account.email, email }), transaction);
    });
  }

  const own: OwnAccounts = {
    read: (session) => readAccount(kysely, session, options.requireTotp),

    async change(session, input, sender) {
      try {
        await write(session, input, sender);
      } catch (error) {
        // Two at once: the unique index decides.
        throw isEmailTaken(error) ? emailTaken(input.email ?? session.email) : error;
      }
      if (input.name !== undefined && input.name !== session.actor.name)
        await onRenamed(session.actor.id);
      return own.read(session);
    },

    async changePassword(session, { current, password }, sender) {
      const { id } = session.actor;
      const passwordHash = await hashPassword(password);
      const confirmation = { password: current };
      const asked = { session, sender, confirmation, field: "current", passwordOnly: true };
      const ended = await confirm(asked, async (transaction, account) => {
        refuseWeakPassword({ ...account, password, withTotp: account.totp_secret !== null });
        await storePassword(transaction, id, passwordHash);
        const others = await endSessions(transaction, id, { except: session.id });
        const target = { kind: "account", id } as const;
        const details = { sessionsEnded: others.length };
        const entry = { action: "account.password_changed", target, sender, details } as const;
        await audit.record({ ...entry, actorId: id }, transaction);
        await mail.send(passwordChanged({ to: account.email }), transaction);
        return others;
      });
      for (const sessionId of ended) onSessionEnded(sessionId);
    },
  };
  return own;
}

/** Puts another password in place; links that would set one are gone. */
export async function storePassword(
  transaction: Kysely<Tables>,
  accountId: string,
  passwordHash: string,
): Promise<void> {
  await transaction
    .updateTable("users")
    .set({ password_hash: passwordHash })
    .where("id", "=", accountId)
    .execute();
  await transaction.deleteFrom("password_resets").where("user_id", "=", accountId).execute();
}

async function readAccount(
  kysely: Kysely<Tables>,
  { actor }: Session,
  requireTotp: boolean,
): Promise<OwnAccount> {
  const row = await kysely
    .selectFrom("users")
    .select(["id", "email", "name", "role", "organisation", "created_at", "totp_secret"])
    .select((builder) =>
      builder
        .selectFrom("recovery_codes")
        .select(({ fn }) => fn.countAll<number>().as("left"))
        .whereRef("user_id", "=", "users.id")
        .where("used_at", "is", null)
        .as("recovery_codes_left"),
    )
    .where("id", "=", actor.id)
    .executeTakeFirst();
  if (row === undefined) throw new SignedOutError();
  const { created_at, totp_secret, recovery_codes_left, ...profile } = row;
  return {
    ...profile,
    createdAt: created_at.toISOString(),
    totp: totp_secret !== null,
    totpRequired: requireTotp && row.role === "admin",
    recoveryCodesLeft: Number(recovery_codes_left),
  };
}

/** Writes what is given of a profile, and that it was written. */
function recordProfile(audit: AuditLog, sender: Sender) {
  return async (
    transaction: Kysely<Tables>,
    id: string,
    { name, organisation, email }: ChangeAccountInput,
  ): Promise<void> => {
    const given = Object.entries({ name, organisation, email }).filter(
      ([, value]) => value !== undefined,
    );
    if (given.length === 0) return;
    const changes = Object.fromEntries(given);
    await transaction.updateTable("users").set(changes).where("id", "=", id).execute();
    const target = { kind: "account", id } as const;
    const details = { fields: given.map(([field]) => field).join(", ") };
    const entry = { action: "account.profile_changed", target, sender, details } as const;
    await audit.record({ ...entry, actorId: id }, transaction);
  };
}

/** Throws ConflictError where another account has the email; one's own in other capitals is free. */
async function requireFree(transaction: Kysely<Tables>, email: string, id: string): Promise<void> {
  const other = await findByEmail(transaction, email);
  if (other !== undefined && other.id !== id) throw emailTaken(email);
}

/** SQLSTATE 23505; of the columns written here only the email is unique. */
function isEmailTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "23505";
}
