import type { Kysely, Selectable } from "kysely";
import type { Actor } from "#shared/permissions.ts";
import type { Tables } from "../database/tables.ts";
import { ConflictError, NotFoundError, SignedOutError } from "../errors.ts";

/** An account whose row is locked. */
export type HeldAccount = Pick<
  Selectable<Tables["users"]>,
  | "id"
  | "email"
  | "name"
  | "role"
  | "status"
  | "status_reason"
  | "status_changed_by"
  | "status_changed_at"
>;

/** An account and all active admins, their rows locked until the transaction ends. */
export interface HeldAccounts {
  account: HeldAccount;
  admins: readonly HeldAccount[];
}

/**
 * Locks what a decision on an account depends on, in the order in which commits lock accounts: of
 * two decisions at once the second sees what the first has done. Throws NotFoundError.
 */
export async function holdAccount(
  transaction: Kysely<Tables>,
  accountId: string,
): Promise<HeldAccounts> {
  const rows = await transaction
    .selectFrom("users")
    .select(["id", "email", "name", "role", "status"])
    .select(["status_reason", "status_changed_by", "status_changed_at"])
    .where((where) =>
      where.or([
        where("id", "=", accountId),
        where.and([where("role", "=", "admin"), where("status", "=", "active")]),
      ]),
    )
    .where("deleted_at", "is", null)
    .orderBy("id")
    .forUpdate()
    .execute();
  const account = rows.find(({ id }) => id === accountId);
  if (account === undefined) throw new NotFoundError("There is no such account.");
  return { account, admins: rows.filter(isActiveAdmin) };
}

/** Locks the account's row until the transaction ends; undefined where there is none. */
export function lockAccount(transaction: Kysely<Tables>, accountId: string) {
  return transaction
    .selectFrom("users")
    .select(["email", "status"])
    .where("id", "=", accountId)
    .forUpdate()
    .executeTakeFirst();
}

/** Throws where the admin who asks has been suspended or demoted since the request came in. */
export function requireStillAdmin({ admins }: HeldAccounts, actor: Actor): void {
  if (!admins.some(({ id }) => id === actor.id)) throw new SignedOutError();
}

/**
 * Locks the admin who asks and the accounts that are concerned, in the order in which commits lock
 * accounts. Throws where the admin has been suspended or demoted since the request came in.
 */
export async function holdAdminWith(
  transaction: Kysely<Tables>,
  adminId: string,
  accountIds: readonly string[] = [],
): Promise<void> {
  const rows = await transaction
    .selectFrom("users")
    .select(["id", "role", "status"])
    .where("id", "in", [adminId, ...accountIds])
    .where("deleted_at", "is", null)
    .orderBy("id")
    .forUpdate()
    .execute();
  const admin = rows.find(({ id }) => id === adminId);
  if (admin === undefined || !isActiveAdmin(admin)) throw new SignedOutError();
}

/** Throws ConflictError `last_admin` where nobody would be left to decide who gets in. */
export function refuseLastAdmin({ account, admins }: HeldAccounts): void {
  if (!isActiveAdmin(account) || admins.length > 1) return;
  throw new ConflictError(
    "last_admin",
    `${account.name} is the only active administrator. Make somebody else one first.`,
  );
}

function isActiveAdmin({ role, status }: Pick<HeldAccount, "role" | "status">): boolean {
  return role === "admin" && status === "active";
}
