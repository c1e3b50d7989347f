import { randomBytes } from "node:crypto";
import { type Kysely, type Selectable, sql } from "kysely";
import type { User } from "#shared/http.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { AppError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import { secondFactorRefusal } from "./refusals.ts";
import type { SecondFactor, TypedFactor } from "./second-factor.ts";
import type { Sessions } from "./sessions.ts";
import { notActive } from "./standing.ts";
import { transact } from "./transact.ts";

export interface SignInInput {
  email: string;
  password: string;
  totp?: string | undefined;
}

/**
 * Throws AppError `invalid_credentials` (401), and only after the right password `account_pending`,
 * `account_rejected` or `account_suspended` (403), `totp_required` or `invalid_totp` (401).
 */
export type SignIn = (
  input: SignInInput,
  sender: Sender,
) => Promise<{ user: User; sessionId: string; setCookie: string }>;

interface SignInOptions {
  database: Database;
  sessions: Sessions;
  secondFactor: SecondFactor;
  audit: AuditLog;
}

type Account = Pick<
  Selectable<Tables["users"]>,
  "id" | "email" | "name" | "role" | "status" | "status_reason" | "password_hash" | "totp_secret"
>;

/** Signing in, recorded either way: a refusal without what was typed. */
export function createSignIn({ database, sessions, secondFactor, audit }: SignInOptions): SignIn {
  const { kysely } = database;
  // Verified for an unknown email, so that the time of an answer does not tell whom we know.
  const hashOfNobody = hashPassword(randomBytes(16).toString("hex"));

  async function refuse(account: Account | undefined, sender: Sender, refusal: AppError) {
    const target = account && ({ kind: "account", id: account.id } as const);
    const reason = account === undefined ? "unknown_account" : refusal.code;
    await audit.record({
      action: "session.refused",
      actorId: null,
      ...(target === undefined ? {} : { target }),
      sender,
      details: { reason },
    });
    return refusal;
  }

  /** In one transaction: what was verified must still hold when the session begins. */
  async function begin(account: Account, factor: TypedFactor | undefined, sender: Sender) {
    return transact(kysely, async (transaction) => {
      if (!(await holdUnchanged(transaction, account))) throw invalidCredentials();
      const problem = await secondFactor.take(transaction, account, factor, sender);
      if (problem !== undefined) throw secondFactorRefusal(problem, 401);
      const started = await sessions.start(transaction, account.id, sender);
      await audit.record(
        {
          action: "session.signed_in",
          actorId: account.id,
          target: { kind: "account", id: account.id },
          sender,
          details: { secondFactor: account.totp_secret !== null },
        },
        transaction,
      );
      return started;
    });
  }

  return async ({ email, password, totp }, sender) => {
    const account = await findByEmail(kysely, email);
    const right = await verifyPassword(account?.password_hash ?? (await hashOfNobody), password);
    if (account === undefined || !right) throw await refuse(account, sender, invalidCredentials());
    if (account.status !== "active")
      throw await refuse(account, sender, notActive(account.status, account));
    const factor = await secondFactor.read(account, totp);
    try {
      const { id, name, role } = account;
      const started = await begin(account, factor, sender);
      return { user: { id, email: account.email, name, role }, ...started };
    } catch (error) {
      // That a code is asked for is a step of signing in, not a refusal.
      if (!(error instanceof AppError) || error.code === "totp_required") throw error;
      throw await refuse(account, sender, error);
    }
  };
}

/** The account of an email, whatever its capitals; undefined: there is none, or no more. */
export function findByEmail(kysely: Kysely<Tables>, email: string): Promise<Account | undefined> {
  return kysely
    .selectFrom("users")
    .select(["id", "email", "name", "role", "status", "status_reason"])
    .select(["password_hash", "totp_secret"])
    .where(sql<string>`lower(email)`, "=", email.toLowerCase())
    .executeTakeFirst();
}

/**
 * Locks the account's row until the transaction ends; false where its password, second factor or
 * state is no longer the one that was verified.
 */
async function holdUnchanged(transaction: Kysely<Tables>, account: Account): Promise<boolean> {
  const row = await transaction
    .selectFrom("users")
    .select(["password_hash", "totp_secret", "status"])
    .where("id", "=", account.id)
    .forUpdate()
    .executeTakeFirst();
  return (
    row?.status === "active" &&
    row.password_hash === account.password_hash &&
    row.totp_secret === account.totp_secret
  );
}

function invalidCredentials(): AppError {
  return new AppError("invalid_credentials", 401, "This email and password do not fit together.");
}
