import { createHash, randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { Tables } from "../database/tables.ts";

/** Whose password a link sets. */
export interface LinkedAccount {
  id: string;
  email: string;
  name: string;
  totp_secret: string | null;
  /** The admin who made the link lets it take the second factor off. */
  removesTotp: boolean;
}

/**
 * Makes a link and returns its token. What anybody may ask for by mail does not take the place of
 * what an admin has handed over.
 */
export async function replaceLink(
  transaction: Kysely<Tables>,
  link: { accountId: string; expiresAt: Date; handedBy?: string | null; removesTotp?: boolean },
): Promise<string> {
  const { accountId, expiresAt, handedBy, removesTotp = false } = link;
  const older = transaction.deleteFrom("password_resets").where("user_id", "=", accountId);
  await (handedBy === undefined ? older.where("created_by", "is", null) : older).execute();
  const token = randomBytes(32).toString("base64url");
  await transaction
    .insertInto("password_resets")
    .values({
      token_hash: hashToken(token),
      user_id: accountId,
      created_by: handedBy ?? null,
      removes_totp: removesTotp,
      expires_at: expiresAt,
    })
    .execute();
  return token;
}

/** The active account that a link of this token opens now. */
export async function readLink(
  connection: Kysely<Tables>,
  tokenHash: string,
  now: number,
): Promise<LinkedAccount | undefined> {
  const row = await connection
    .selectFrom("password_resets")
    .innerJoin("users", "users.id", "password_resets.user_id")
    .select(["users.id", "users.email", "users.name", "users.totp_secret"])
    .select("password_resets.removes_totp")
    .where("token_hash", "=", tokenHash)
    .where("password_resets.expires_at", ">", new Date(now))
    .where("users.status", "=", "active")
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { removes_totp: removesTotp, ...account } = row;
  return { ...account, removesTotp };
}

/** The key of a link. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
