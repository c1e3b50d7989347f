import { randomBytes } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Tables } from "../database/tables.ts";
import { hashPassword } from "./passwords.ts";

/** What a deleted account is called wherever it was someone. */
export const formerMemberName = "A former member";

/** A password that nobody knows, hashed: made before the transaction, which must be short. */
export function unknownPasswordHash(): Promise<string> {
  return hashPassword(randomBytes(32).toString("base64url"));
}

/**
 * Turns the account's row into one that stands for a former member: what others see of the past
 * keeps its place, nothing of the person is left in it. Its email is free again. Resolves with the
 * ids of the sessions that ended.
 */
export async function forgetPerson(
  transaction: Kysely<Tables>,
  accountId: string,
  passwordHash: string,
): Promise<string[]> {
  const { email } = await transaction
    .selectFrom("users")
    .select("email")
    .where("id", "=", accountId)
    .executeTakeFirstOrThrow();
  await transaction
    .updateTable("users")
    .set({
      name: formerMemberName,
      // Unique, and no address: nobody signs in or up with it.
      email: `former:${accountId}`,
      organisation: null,
      reason: null,
      status: "suspended",
      status_reason: null,
      status_changed_by: null,
      status_changed_at: new Date(),
      password_hash: passwordHash,
      totp_secret: null,
      totp_pending_secret: null,
      totp_last_step: null,
      deleted_at: new Date(),
      access_epoch: sql`access_epoch + 1`,
    })
    .where("id", "=", accountId)
    .execute();
  await forgetBelongings(transaction, accountId, email);
  const ended = await transaction
    .deleteFrom("sessions")
    .where("user_id", "=", accountId)
    .returning("token_hash")
    .execute();
  return ended.map((session) => session.token_hash);
}

async function forgetBelongings(
  transaction: Kysely<Tables>,
  accountId: string,
  email: string,
): Promise<void> {
  for (const table of ["recovery_codes", "password_resets", "quotas", "token_usage"] as const)
    await transaction.deleteFrom(table).where("user_id", "=", accountId).execute();
  await transaction
    .deleteFrom("mails")
    .where(sql<string>`lower(recipient)`, "=", email.toLowerCase())
    .execute();
}
