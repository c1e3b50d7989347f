import type { Kysely } from "kysely";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { AppError, ConflictError, ForbiddenError, NotFoundError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { Session } from "../http/session.ts";
import type { Mail } from "../mail/mail.ts";
import type { Logger } from "../observability/logger.ts";
import { holdAccount, lockAccount, requireStillAdmin } from "./account-lock.ts";
import { storePassword } from "./own-account.ts";
import { passwordChanged, resetLink } from "./own-account-mails.ts";
import { removeTotp } from "./own-second-factor.ts";
import { endSessions } from "./own-sessions.ts";
import { refuseWeakPassword } from "./password-policy.ts";
import { hashPassword } from "./passwords.ts";
import { secondFactorRefusal } from "./refusals.ts";
import { hashToken, type LinkedAccount, readLink, replaceLink } from "./reset-links.ts";
import type { SecondFactor, TypedFactor } from "./second-factor.ts";
import { findByEmail } from "./sign-in.ts";
import { transact } from "./transact.ts";

/** Links that set a new password; each works once, and a newer one takes its place. */
export interface PasswordResets {
  /**
   * Sends a link if there is an active account, after it has returned: neither the answer nor its
   * time tells whether there is.
   */
  ask(email: string): { mail: boolean };
  /** A link that an admin hands over. Throws NotFoundError, ForbiddenError, ConflictError. */
  link(
    session: Session,
    accountId: string,
    asked: { removeTotp: boolean; sender: Sender },
  ): Promise<HandedLink>;
  /** The same for whoever runs the server, of an active account. Throws NotFoundError. */
  linkFor(email: string, asked: { removeTotp: boolean }): Promise<HandedLink>;
  /**
   * Sets the password and ends all sessions. Throws AppError `invalid_link` (400), `totp_required`
   * or `invalid_totp` (401), InvalidError for a weak password; the link stays good for another try.
   */
  use(input: ResetInput, sender: Sender): Promise<void>;
  /** Resolves once every link that was asked for is on its way. */
  settled(): Promise<void>;
}

export interface HandedLink {
  url: string;
  expiresAt: string;
}

interface ResetInput {
  token: string;
  password: string;
  totp?: string | undefined;
}

interface From {
  sender: Sender;
}

interface PasswordResetsOptions {
  database: Database;
  audit: AuditLog;
  mail: Mail;
  secondFactor: SecondFactor;
  /** Where people open the page. */
  publicOrigin: string;
  onSessionEnded: (sessionId: string) => void;
  logger: Logger;
  now: () => number;
}

const mailedLifetimeMs = 60 * 60 * 1000;
const handedLifetimeMs = 24 * 60 * 60 * 1000;

export function createPasswordResets(options: PasswordResetsOptions): PasswordResets {
  const { audit, mail, secondFactor, publicOrigin, onSessionEnded, logger, now } = options;
  const { kysely } = options.database;
  const underWay = new Set<Promise<void>>();

  async function mailLink(email: string): Promise<void> {
    const account = await findByEmail(kysely, email);
    if (account?.status !== "active") return;
    await transact(kysely, async (transaction) => {
      const held = await lockAccount(transaction, account.id);
      // A link must not go to an address that the account has just left.
      if (held?.status !== "active" || held.email !== account.email) return;
      const expiresAt = new Date(now() + mailedLifetimeMs);
      const token = await replaceLink(transaction, { accountId: account.id, expiresAt });
      await mail.send(resetLink({ to: account.email, url: urlOf(token) }), transaction);
    });
  }

  function urlOf(token: string): string {
    // After the "#", so that no server and no proxy writes it into a log.
    return `${publicOrigin}/reset#${token}`;
  }

  async function handOver(
    transaction: Kysely<Tables>,
    link: { accountId: string; actorId: string | null; removesTotp: boolean; sender?: Sender },
  ): Promise<HandedLink> {
    const { accountId, actorId, removesTotp, sender } = link;
    const target = { kind: "account", id: accountId } as const;
    const action = "account.password_reset_linked";
    const entry = { action, actorId, target, details: { removesTotp } } as const;
    await audit.record(sender === undefined ? entry : { ...entry, sender }, transaction);
    const expiresAt = new Date(now() + handedLifetimeMs);
    const handed = { accountId, expiresAt, handedBy: actorId, removesTotp };
    const token = await replaceLink(transaction, handed);
    return { url: urlOf(token), expiresAt: expiresAt.toISOString() };
  }

  /** Throws where the new password is weak, or the second factor is missing or wrong. */
  async function judge(
    transaction: Kysely<Tables>,
    asked: { account: LinkedAccount; password: string; factor: TypedFactor | undefined } & From,
  ): Promise<void> {
    const { account, password, factor, sender } = asked;
    const withTotp = account.totp_secret !== null && !account.removesTotp;
    refuseWeakPassword({ ...account, password, withTotp });
    if (!withTotp) return;
    const problem = await secondFactor.take(transaction, account, factor, sender);
    if (problem !== undefined) throw secondFactorRefusal(problem, 401);
  }

  /** Uses the link up; the sessions that it ended. */
  async function redeem(
    transaction: Kysely<Tables>,
    { account, passwordHash, sender }: { account: LinkedAccount; passwordHash: string } & From,
  ): Promise<string[]> {
    const { id, email, removesTotp } = account;
    if (removesTotp) await removeTotp(transaction, id);
    await storePassword(transaction, id, passwordHash);
    const sessions = await endSessions(transaction, id);
    const details = { sessionsEnded: sessions.length, totpRemoved: removesTotp };
    const target = { kind: "account", id } as const;
    const entry = { action: "account.password_reset", target, sender, details } as const;
    await audit.record({ ...entry, actorId: id }, transaction);
    await mail.send(passwordChanged({ to: email }), transaction);
    return sessions;
  }

  return {
    ask(email) {
      if (!mail.configured) return { mail: false };
      const task = mailLink(email)
        .catch((error: unknown) => logger.error({ error }, "reset link could not be mailed"))
        .finally(() => underWay.delete(task));
      underWay.add(task);
      return { mail: true };
    },

    async link({ actor }, accountId, { removeTotp: removesTotp, sender }) {
      if (actor.id === accountId)
        throw new ForbiddenError("Change your own password on your account's page.");
      return transact(kysely, async (transaction) => {
        const held = await holdAccount(transaction, accountId);
        requireStillAdmin(held, actor);
        if (held.account.status !== "active") throw notActive();
        return handOver(transaction, { accountId, actorId: actor.id, sender, removesTotp });
      });
    },

    async linkFor(email, { removeTotp: removesTotp }) {
      const account = await findByEmail(kysely, email);
      if (account?.status !== "active")
        throw new NotFoundError(`There is no active account for ${email}.`);
      return transact(kysely, (transaction) =>
        handOver(transaction, { accountId: account.id, actorId: null, removesTotp }),
      );
    },

    async use({ token, password, totp }, sender) {
      const tokenHash = hashToken(token);
      const found = await readLink(kysely, tokenHash, now());
      if (found === undefined) throw invalidLink();
      const factor = await secondFactor.read(found, totp);
      const passwordHash = await hashPassword(password);
      const ended = await transact(kysely, async (transaction) => {
        await lockAccount(transaction, found.id);
        const account = await readLink(transaction, tokenHash, now());
        if (account === undefined) throw invalidLink();
        await judge(transaction, { account, password, factor, sender });
        return redeem(transaction, { account, passwordHash, sender });
      });
      for (const sessionId of ended) onSessionEnded(sessionId);
    },

    async settled() {
      await Promise.all(underWay);
    },
  };
}

function invalidLink(): AppError {
  const message = "This link was used already, has expired, or was replaced by a newer one.";
  return new AppError("invalid_link", 400, `${message} Ask for another.`);
}

function notActive(): ConflictError {
  const message = "This account is not active: its password would open nothing.";
  return new ConflictError("not_active", message);
}
