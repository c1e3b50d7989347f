import { type Kysely, type Selectable, sql } from "kysely";
import { type AdminUser, type AdminUsersQuery, adminPageSize } from "#shared/admin.ts";
import type { Tables } from "../database/tables.ts";
import { NotFoundError } from "../errors.ts";

/** Accounts as admins see them; those that were deleted are not among them. */
export interface AccountList {
  /** One page, and how many there are on all pages. */
  find(query: AdminUsersQuery): Promise<{ users: AdminUser[]; total: number }>;
  /** Throws NotFoundError. */
  get(accountId: string): Promise<AdminUser>;
  /** How many requests wait. */
  countWaiting(): Promise<number>;
}

export function createAccountList({ kysely }: { kysely: Kysely<Tables> }): AccountList {
  return {
    async find(query) {
      const found = matching(kysely, query);
      const { total } = await found
        .select(({ fn }) => fn.countAll<number>().as("total"))
        .executeTakeFirstOrThrow();
      const rows = await complete(found)
        .orderBy(sortColumns[query.sort], query.direction)
        // Rows that are alike keep their order from page to page.
        .orderBy("users.id")
        .limit(adminPageSize)
        .offset((query.page - 1) * adminPageSize)
        .execute();
      return { users: rows.map(toAdminUser), total };
    },

    async get(accountId) {
      const row = await complete(existing(kysely))
        .where("users.id", "=", accountId)
        .executeTakeFirst();
      if (row === undefined) throw new NotFoundError("There is no such account.");
      return toAdminUser(row);
    },

    async countWaiting() {
      const { count } = await existing(kysely)
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .where("users.status", "=", "pending")
        .executeTakeFirstOrThrow();
      return count;
    },
  };
}

const sortColumns = {
  createdAt: sql`users.created_at`,
  name: sql`lower(users.name)`,
  email: sql`lower(users.email)`,
  role: sql`users.role`,
  status: sql`users.status`,
} as const;

function existing(kysely: Kysely<Tables>) {
  return kysely.selectFrom("users").where("users.deleted_at", "is", null);
}

function matching(kysely: Kysely<Tables>, { status, role, search }: AdminUsersQuery) {
  const pattern = `%${search.replace(/[\\%_]/g, "\\$&")}%`;
  return existing(kysely)
    .$if(status !== undefined, (query) => query.where("users.status", "=", status ?? "active"))
    .$if(role !== undefined, (query) => query.where("users.role", "=", role ?? "editor"))
    .$if(search !== "", (query) =>
      query.where((where) =>
        where.or([
          where("users.name", "ilike", pattern),
          where("users.email", "ilike", pattern),
          where("users.organisation", "ilike", pattern),
        ]),
      ),
    );
}

function complete(query: ReturnType<typeof existing>) {
  return query
    .leftJoin("users as decider", "decider.id", "users.status_changed_by")
    .selectAll("users")
    .select(["decider.id as decider_id", "decider.name as decider_name"])
    .select((select) =>
      select
        .selectFrom("sessions")
        .select(({ fn }) => fn.max("sessions.last_seen_at").as("last"))
        .whereRef("sessions.user_id", "=", "users.id")
        .as("last_seen_at"),
    );
}

interface Row extends Selectable<Tables["users"]> {
  decider_id: string | null;
  decider_name: string | null;
  last_seen_at: Date | null;
}

function toAdminUser(row: Row): AdminUser {
  const { decider_id: deciderId, decider_name: deciderName } = row;
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    organisation: row.organisation,
    reason: row.reason,
    role: row.role,
    status: row.status,
    createdAt: row.created_at.toISOString(),
    statusReason: row.status_reason,
    statusChangedAt: row.status_changed_at?.toISOString() ?? null,
    statusChangedBy:
      deciderId === null || deciderName === null ? null : { id: deciderId, name: deciderName },
    totp: row.totp_secret !== null,
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
  };
}
