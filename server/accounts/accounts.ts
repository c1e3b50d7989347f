import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import type { User } from "#shared/http.ts";
import type { AccountRole, AccountStatus } from "#shared/permissions.ts";
import type { Database } from "../database/database.ts";
import { AppError, ConflictError } from "../errors.ts";
import type { Authenticate } from "../http/session.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import { createSessions } from "./sessions.ts";

export interface NewAccount {
  email: string;
  name: string;
  role: AccountRole;
  password: string;
}

export interface Accounts {
  /**
   * Throws AppError `invalid_credentials` (401), and only after the right password
   * `account_pending`, `account_rejected` or `account_suspended` (403).
   */
  signIn(input: { email: string; password: string }): Promise<{ user: User; setCookie: string }>;
  /** Ends the session of the Cookie header, if there is one. */
  signOut(cookieHeader: string | undefined): Promise<{ setCookie: string }>;
  authenticate: Authenticate;
  /** Makes an active account. Throws ConflictError `email_taken`. */
  createAccount(account: NewAccount): Promise<User>;
  deleteExpiredSessions(): Promise<void>;
}

interface AccountsOptions {
  database: Database;
  /** Whether people come by https. */
  secure: boolean;
  /** Called after a session has ended, so that its open connections end too. */
  onSessionEnded?: (sessionId: string) => void;
}

/** Who may come in, and whether it is they. */
export function createAccounts({ database, secure, onSessionEnded }: AccountsOptions): Accounts {
  const { kysely } = database;
  const sessions = createSessions({ database, secure });
  // Verified for an unknown email, so that the time of an answer does not tell whom we know.
  const hashOfNobody = hashPassword(randomBytes(16).toString("hex"));

  function findByEmail(email: string) {
    return kysely
      .selectFrom("users")
      .select(["id", "email", "name", "role", "status", "password_hash"])
      .where(sql<string>`lower(email)`, "=", email.toLowerCase())
      .executeTakeFirst();
  }

  return {
    async signIn({ email, password }) {
      const account = await findByEmail(email);
      const passwordHash = account?.password_hash ?? (await hashOfNobody);
      const right = await verifyPassword(passwordHash, password);
      if (account === undefined || !right) throw invalidCredentials();
      if (account.status !== "active") throw notActive(account.status);
      const { setCookie } = await sessions.start(account.id);
      return { user: toUser(account), setCookie };
    },

    async signOut(cookieHeader) {
      const { sessionId, setCookie } = await sessions.end(cookieHeader);
      if (sessionId !== undefined) onSessionEnded?.(sessionId);
      return { setCookie };
    },

    authenticate: (cookieHeader) => sessions.find(cookieHeader),

    async createAccount({ email, name, role, password }) {
      // Spares the hash; the unique index decides between two at once.
      if ((await findByEmail(email)) !== undefined) throw emailTaken(email);
      const account = { id: randomBytes(12).toString("base64url"), email, name, role };
      const row = await kysely
        .insertInto("users")
        .values({ ...account, status: "active", password_hash: await hashPassword(password) })
        .onConflict((conflict) => conflict.doNothing())
        .returning("id")
        .executeTakeFirst();
      if (row === undefined) throw emailTaken(email);
      return account;
    },

    deleteExpiredSessions: () => sessions.deleteExpired(),
  };
}

function toUser({ id, email, name, role }: User): User {
  return { id, email, name, role };
}

function emailTaken(email: string): ConflictError {
  return new ConflictError("email_taken", `There is an account for ${email} already.`);
}

function invalidCredentials(): AppError {
  return new AppError("invalid_credentials", 401, "This email and password do not fit together.");
}

function notActive(status: Exclude<AccountStatus, "active">): AppError {
  const messages = {
    pending: "Your account is awaiting approval by an administrator.",
    rejected: "Your request for an account was declined.",
    suspended: "Your account is suspended.",
  };
  return new AppError(`account_${status}`, 403, messages[status]);
}
