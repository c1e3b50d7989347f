import type { AccountQuota, Quota } from "#shared/admin.ts";
import type { AuditEntry, AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { NotFoundError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import { countAtWork, readQuota, readUsedToday } from "./spending.ts";

/** Who changes a limit, and from where. */
export interface Changer {
  actorId: string;
  sender: Sender;
}

/** What admins see and set. An unknown account throws NotFoundError. */
export interface Quotas {
  readDefault(): Promise<Quota>;
  setDefault(quota: Quota, by: Changer): Promise<Quota>;
  ofAccount(accountId: string): Promise<AccountQuota>;
  setForAccount(accountId: string, quota: Quota, by: Changer): Promise<AccountQuota>;
  /** The default holds for the account again. */
  clearForAccount(accountId: string, by: Changer): Promise<AccountQuota>;
}

interface QuotasOptions {
  database: Database;
  audit: AuditLog;
  /** Holds until an admin sets another default. */
  builtIn: Quota;
}

export function createQuotas({ database, audit, builtIn }: QuotasOptions): Quotas {
  const { kysely } = database;

  async function requireAccount(accountId: string): Promise<void> {
    const account = await kysely
      .selectFrom("users")
      .select("id")
      .where("id", "=", accountId)
      .where("deleted_at", "is", null)
      .executeTakeFirst();
    if (account === undefined) throw new NotFoundError("There is no such account.");
  }

  /** null: the default. */
  async function set(accountId: string | null, quota: Quota, by: Changer): Promise<void> {
    await kysely.transaction().execute(async (transaction) => {
      const before = await readQuota(transaction, accountId, builtIn);
      const row = {
        tokens_per_day: quota.tokensPerDay,
        runs_at_once: quota.runsAtOnce,
        changed_by: by.actorId,
        changed_at: new Date(),
      };
      await transaction
        .insertInto("quotas")
        .values({ user_id: accountId, ...row })
        .onConflict((conflict) => conflict.column("user_id").doUpdateSet(row))
        .execute();
      await audit.record(entry(accountId, before, quota, by), transaction);
    });
  }

  async function ofAccount(accountId: string): Promise<AccountQuota> {
    await requireAccount(accountId);
    return {
      ...(await readQuota(kysely, accountId, builtIn)),
      usedToday: await readUsedToday(kysely, accountId),
      runsNow: await countAtWork(kysely, accountId),
    };
  }

  async function readDefault(): Promise<Quota> {
    const { own: _own, ...quota } = await readQuota(kysely, null, builtIn);
    return quota;
  }

  return {
    readDefault,
    ofAccount,
    async setDefault(quota, by) {
      await set(null, quota, by);
      return readDefault();
    },
    async setForAccount(accountId, quota, by) {
      await requireAccount(accountId);
      await set(accountId, quota, by);
      return ofAccount(accountId);
    },
    async clearForAccount(accountId, by) {
      await requireAccount(accountId);
      await kysely.transaction().execute(async (transaction) => {
        const before = await readQuota(transaction, accountId, builtIn);
        const removed = await transaction
          .deleteFrom("quotas")
          .where("user_id", "=", accountId)
          .executeTakeFirst();
        if (removed.numDeletedRows === 0n) return;
        const after = await readQuota(transaction, accountId, builtIn);
        await audit.record(entry(accountId, before, after, by), transaction);
      });
      return ofAccount(accountId);
    },
  };
}

function entry(
  accountId: string | null,
  before: Quota,
  after: Quota,
  { actorId, sender }: Changer,
): AuditEntry {
  return {
    action: "quota.changed",
    actorId,
    sender,
    target:
      accountId === null ? { kind: "quota", id: "default" } : { kind: "account", id: accountId },
    details: {
      tokensPerDay: after.tokensPerDay,
      runsAtOnce: after.runsAtOnce,
      tokensPerDayBefore: before.tokensPerDay,
      runsAtOnceBefore: before.runsAtOnce,
    },
  };
}
