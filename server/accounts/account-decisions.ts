import { type Kysely, sql } from "kysely";
import type { AdminUser, Decision } from "#shared/admin.ts";
import type { AuditAction } from "#shared/audit.ts";
import type { AccountRole, AccountStatus, Actor } from "#shared/permissions.ts";
import type { AccountEnded } from "#shared/socket-events.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import type { Sender } from "../http/sender.ts";
import type { Mail } from "../mail/mail.ts";
import type { AccountList } from "./account-list.ts";
import { holdAccount, refuseLastAdmin, requireStillAdmin } from "./account-lock.ts";
import { decisionMail } from "./admission-mails.ts";
import { alreadyDecided, ownsDocuments } from "./decision-refusals.ts";
import { transact } from "./transact.ts";

/** Who decides, and from where. */
export interface Decider {
  actor: Actor;
  sender: Sender;
}

/** What admins do with accounts: each in one transaction with its audit entry. */
export interface AccountDecisions {
  /**
   * Throws NotFoundError, and ConflictError `already_decided` (who decided what), `not_decided` or
   * `last_admin`.
   */
  decide(
    decision: Decision,
    accountId: string,
    reason: string | null,
    by: Decider,
  ): Promise<AdminUser>;
  /** Throws NotFoundError, and ConflictError `owns_documents` or `last_admin`. */
  changeRole(accountId: string, role: AccountRole, by: Decider): Promise<AdminUser>;
  /** Ends all sessions of the account; answers how many there were. Throws NotFoundError. */
  endSessions(accountId: string, by: Decider): Promise<number>;
}

interface AccountDecisionsOptions {
  database: Database;
  list: AccountList;
  audit: AuditLog;
  mail: Mail;
  /** What browsers open, for links in mails. */
  origin: string;
  /** Awaited before the answer: afterwards nothing is open that the account may not have. */
  onAccountChanged: (accountId: string, ended?: AccountEnded) => Promise<void>;
  onQueueChanged: () => void;
}

interface Step {
  from: readonly AccountStatus[];
  to: AccountStatus;
  action: AuditAction;
}

/** A rejected account is let in after all by reinstating it: approving is for what waits. */
const steps: { readonly [decision in Decision]: Step } = {
  approve: { from: ["pending"], to: "active", action: "account.approved" },
  reject: { from: ["pending"], to: "rejected", action: "account.rejected" },
  suspend: { from: ["active"], to: "suspended", action: "account.suspended" },
  reinstate: { from: ["suspended", "rejected"], to: "active", action: "account.reinstated" },
};

export function createAccountDecisions(options: AccountDecisionsOptions): AccountDecisions {
  const { database, list, audit, mail, origin, onAccountChanged, onQueueChanged } = options;
  const { kysely } = database;

  async function decideInside(
    transaction: Kysely<Tables>,
    decision: Decision,
    accountId: string,
    reason: string | null,
    { actor, sender }: Decider,
  ): Promise<void> {
    const { from, to, action } = steps[decision];
    const held = await holdAccount(transaction, accountId);
    requireStillAdmin(held, actor);
    const { account } = held;
    if (!from.includes(account.status)) throw await alreadyDecided(transaction, account);
    if (to !== "active") {
      refuseLastAdmin(held);
      await endEverything(transaction, accountId);
    }
    await transaction
      .updateTable("users")
      .set({ status: to, status_reason: reason, status_changed_by: actor.id })
      .set({ status_changed_at: new Date(), access_epoch: sql`access_epoch + 1` })
      .where("id", "=", accountId)
      .execute();
    const target = { kind: "account", id: accountId } as const;
    const details = { before: account.status, reason };
    await audit.record({ action, actorId: actor.id, target, sender, details }, transaction);
    await mail.send(decisionMail(decision, { ...account, origin }, reason), transaction);
  }

  return {
    async decide(decision, accountId, reason, by) {
      await transact(kysely, (transaction) =>
        decideInside(transaction, decision, accountId, reason, by),
      );
      const { to, from } = steps[decision];
      const ended = to === "suspended" || to === "rejected" ? { status: to, reason } : undefined;
      if (from.includes("pending")) onQueueChanged();
      await onAccountChanged(accountId, ended);
      return list.get(accountId);
    },

    async changeRole(accountId, role, { actor, sender }) {
      const changed = await transact(kysely, async (transaction) => {
        const held = await holdAccount(transaction, accountId);
        requireStillAdmin(held, actor);
        const { role: before } = held.account;
        if (before === role) return false;
        if (before === "admin") refuseLastAdmin(held);
        if (role === "editor") await refuseOwner(transaction, held.account);
        await transaction
          .updateTable("users")
          .set({ role, access_epoch: sql`access_epoch + 1` })
          .where("id", "=", accountId)
          .execute();
        const target = { kind: "account", id: accountId } as const;
        const entry = {
          action: "account.role_changed",
          actorId: actor.id,
          target,
          sender,
        } as const;
        await audit.record({ ...entry, details: { before, after: role } }, transaction);
        return true;
      });
      if (changed) await onAccountChanged(accountId);
      return list.get(accountId);
    },

    async endSessions(accountId, { actor, sender }) {
      const ended = await transact(kysely, async (transaction) => {
        const held = await holdAccount(transaction, accountId);
        requireStillAdmin(held, actor);
        const count = await deleteSessions(transaction, accountId);
        const target = { kind: "account", id: accountId } as const;
        const entry = { action: "account.sessions_ended", actorId: actor.id, target } as const;
        await audit.record({ ...entry, sender, details: { sessions: count } }, transaction);
        return count;
      });
      await onAccountChanged(accountId);
      return ended;
    },
  };
}

/** Nothing of before is good for anything, should the account be let in again. */
async function endEverything(transaction: Kysely<Tables>, accountId: string): Promise<void> {
  await deleteSessions(transaction, accountId);
  await transaction.deleteFrom("password_resets").where("user_id", "=", accountId).execute();
}

/** The database moves the access epoch with each session that ends. */
async function deleteSessions(transaction: Kysely<Tables>, accountId: string): Promise<number> {
  const { numDeletedRows } = await transaction
    .deleteFrom("sessions")
    .where("user_id", "=", accountId)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

/** An editor owns nothing: whoever becomes one gives his documents away first. */
async function refuseOwner(
  transaction: Kysely<Tables>,
  { id, name }: { id: string; name: string },
): Promise<void> {
  const { count } = await transaction
    .selectFrom("documents")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("owner_id", "=", id)
    .executeTakeFirstOrThrow();
  if (count > 0) throw ownsDocuments(name, count);
}
