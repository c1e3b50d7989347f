import { Secret, TOTP } from "otpauth";
import { type Accounts, createAccounts } from "../../server/accounts/accounts.ts";
import { createConfirm } from "../../server/accounts/confirmation.ts";
import { createOwnAccounts, type OwnAccounts } from "../../server/accounts/own-account.ts";
import {
  createOwnSecondFactor,
  type OwnSecondFactor,
} from "../../server/accounts/own-second-factor.ts";
import { createOwnSessions, type OwnSessions } from "../../server/accounts/own-sessions.ts";
import {
  createPasswordResets,
  type PasswordResets,
} from "../../server/accounts/password-resets.ts";
import { createAuditLog } from "../../server/audit/audit-log.ts";
import type { Database } from "../../server/database/database.ts";
import type { Session } from "../../server/http/session.ts";
import { createMailService } from "../../server/mail/mail-service.ts";
import { silent } from "./pglite.ts";

export const sender = { address: "192.0.2.7", userAgent: "a browser", requestId: "request" };
export const firstPassword = "quiet morning rain";

/** Accounts as the server wires them, without HTTP; its clock stands until a test moves it. */
export interface AccountDesk {
  accounts: Accounts;
  ownAccounts: OwnAccounts;
  ownSessions: OwnSessions;
  ownSecondFactor: OwnSecondFactor;
  resets: PasswordResets;
  /** Hashes of the tokens of sessions that others were told of. */
  ended: string[];
  passMs(ms: number): void;
  /** Makes an active account with the first password. */
  add(name: string, role?: "admin" | "editor"): Promise<{ id: string; email: string }>;
  /** Signs in; the session as a request of it has. */
  enter(email: string, more?: { password?: string; totp?: string }): Promise<Session>;
  /** Sets up a second factor. */
  secure(email: string): Promise<{ secret: string; recoveryCodes: string[]; session: Session }>;
  /** The code of `steps` steps from now. */
  code(secret: string, steps?: number): string;
  close(): Promise<void>;
}

export function openAccountDesk(
  database: Database,
  smtp?: { url: string; from: string },
): AccountDesk {
  let now = Date.now();
  const ended: string[] = [];
  const audit = createAuditLog(database);
  const mail = createMailService({ database, smtp, logger: silent });
  const onSessionEnded = (sessionId: string) => void ended.push(sessionId);
  const clock = { now: () => now };
  const accounts = createAccounts({ database, secure: true, audit, onSessionEnded, ...clock });
  const { secondFactor } = accounts;
  const parts = {
    database,
    audit,
    mail,
    secondFactor,
    onSessionEnded,
    logger: silent,
    requireTotp: false,
    ...clock,
    confirm: createConfirm({ database, secondFactor }),
    publicOrigin: "https://write.example.org",
    onRenamed: async () => undefined,
    onTotpChanged: async () => undefined,
  };
  const desk: AccountDesk = {
    accounts,
    ownAccounts: createOwnAccounts(parts),
    ownSessions: createOwnSessions(parts),
    ownSecondFactor: createOwnSecondFactor(parts),
    resets: createPasswordResets(parts),
    ended,
    passMs(ms) {
      now += ms;
    },
    async add(name, role = "editor") {
      const email = `${name}@example.test`;
      const account = { email, name, role, password: firstPassword };
      return { id: (await accounts.createAccount(account)).id, email };
    },
    async enter(email, { password = firstPassword, totp } = {}) {
      const { setCookie } = await accounts.signIn({ email, password, totp }, { sender });
      const session = await accounts.authenticate(setCookie.split(";")[0]);
      if (session === undefined) throw new Error("the new session does not count");
      return session;
    },
    async secure(email) {
      const session = await desk.enter(email);
      const confirmation = { password: firstPassword };
      const { secret } = await desk.ownSecondFactor.setUp({ session, sender, confirmation });
      const { recoveryCodes } = await desk.ownSecondFactor.confirmSetup(
        session,
        desk.code(secret),
        sender,
      );
      return { secret, recoveryCodes, session };
    },
    code: (secret, steps = 0) =>
      new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now + steps * 30_000 }),
    async close() {
      await desk.resets.settled();
      await mail.close();
    },
  };
  return desk;
}
