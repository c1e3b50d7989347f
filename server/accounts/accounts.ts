import { randomBytes } from "node:crypto";
import type { User } from "#shared/http.ts";
import type { AccountRole } from "#shared/permissions.ts";
import { type AuditLog, createAuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { ConflictError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { Authenticate } from "../http/session.ts";
import { hashPassword } from "./passwords.ts";
import { createSecondFactor, type SecondFactor } from "./second-factor.ts";
import { createSessions } from "./sessions.ts";
import { createSignIn, findByEmail, type SignInInput } from "./sign-in.ts";
import { transact } from "./transact.ts";

export interface NewAccount {
  email: string;
  name: string;
  role: AccountRole;
  password: string;
}

export interface Accounts {
  /** Begins a new session and ends the one of `cookieHeader`. Throws as SignIn does. */
  signIn(
    input: SignInInput,
    from: { sender: Sender; cookieHeader?: string | undefined },
  ): Promise<{ user: User; setCookie: string }>;
  /** Ends the session of the Cookie header, if there is one. */
  signOut(cookieHeader: string | undefined, sender: Sender): Promise<{ setCookie: string }>;
  /** The Set-Cookie header's value that makes a browser forget its session. */
  readonly blankCookie: string;
  authenticate: Authenticate;
  readonly secondFactor: SecondFactor;
  /** Makes an active account. Throws ConflictError `email_taken`. */
  createAccount(account: NewAccount): Promise<User>;
  deleteExpiredSessions(): Promise<void>;
}

interface AccountsOptions {
  database: Database;
  /** Whether people come by https. */
  secure: boolean;
  /** Whether an admin has to have a second factor. */
  requireTotp?: boolean;
  audit?: AuditLog;
  now?: () => number;
  /** Called after a session has ended, so that its open connections end too. */
  onSessionEnded?: (sessionId: string) => void;
}

/** Who may come in, and whether it is they. */
export function createAccounts(options: AccountsOptions): Accounts {
  const { database, secure, requireTotp = false, now = Date.now, onSessionEnded } = options;
  const { kysely } = database;
  const audit = options.audit ?? createAuditLog(database);
  const sessions = createSessions({ database, secure, requireTotp });
  const secondFactor = createSecondFactor({ audit, now });
  const signIn = createSignIn({ database, sessions, secondFactor, audit });

  return {
    async signIn(input, { sender, cookieHeader }) {
      const { user, setCookie } = await signIn(input, sender);
      // This browser has a new cookie from here on.
      const replaced = await transact(kysely, (transaction) =>
        sessions.end(transaction, cookieHeader),
      );
      if (replaced !== undefined) onSessionEnded?.(replaced.sessionId);
      return { user, setCookie };
    },

    async signOut(cookieHeader, sender) {
      const ended = await transact(kysely, async (transaction) => {
        const session = await sessions.end(transaction, cookieHeader);
        if (session === undefined) return undefined;
        const { accountId: actorId, publicId } = session;
        const target = { kind: "session", id: publicId } as const;
        await audit.record({ action: "session.signed_out", actorId, target, sender }, transaction);
        return session;
      });
      if (ended !== undefined) onSessionEnded?.(ended.sessionId);
      return { setCookie: sessions.blankCookie };
    },

    blankCookie: sessions.blankCookie,

    authenticate: (cookieHeader) => sessions.find(cookieHeader),

    secondFactor,

    async createAccount({ email, name, role, password }) {
      // Spares the hash; the unique index decides between two at once.
      if ((await findByEmail(kysely, email)) !== undefined) throw emailTaken(email);
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

/** 409: another account has this email. */
export function emailTaken(email: string): ConflictError {
  return new ConflictError("email_taken", `There is an account for ${email} already.`, {
    field: "email",
  });
}
