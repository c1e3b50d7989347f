import { randomInt } from "node:crypto";
import type { Kysely } from "kysely";
import type { Tables } from "../database/tables.ts";
import { hashShortSecret } from "./passwords.ts";

/** How many an account is given at once. */
export const recoveryCodeCount = 10;

/** Without letters that look alike; 60 bits in 12 characters. */
const alphabet = "23456789abcdefghijkmnpqrstuvwxyz";

/** Codes as they are shown, and the hashes that are kept of them. */
export interface NewRecoveryCodes {
  codes: string[];
  hashes: string[];
}

/** Makes a set; nothing is stored yet. */
export async function makeRecoveryCodes(accountId: string): Promise<NewRecoveryCodes> {
  const codes = Array.from({ length: recoveryCodeCount }, newCode);
  return { codes, hashes: await Promise.all(codes.map((code) => hashCode(code, accountId))) };
}

/** Puts a set in the place of whatever the account had. */
export async function storeRecoveryCodes(
  transaction: Kysely<Tables>,
  accountId: string,
  hashes: readonly string[],
): Promise<void> {
  await forgetRecoveryCodes(transaction, accountId);
  await transaction
    .insertInto("recovery_codes")
    .values(hashes.map((code_hash) => ({ user_id: accountId, code_hash })))
    .execute();
}

/** None is left. */
export async function forgetRecoveryCodes(
  transaction: Kysely<Tables>,
  accountId: string,
): Promise<void> {
  await transaction.deleteFrom("recovery_codes").where("user_id", "=", accountId).execute();
}

/** The hash of what a person typed, capitals, spaces and dashes aside; undefined: no code. */
export async function hashTypedCode(typed: string, accountId: string): Promise<string | undefined> {
  const code = typed.toLowerCase().replace(/[\s-]/g, "");
  return /^[a-z2-9]{12}$/.test(code) ? hashCode(code, accountId) : undefined;
}

/** Uses a code up; false where there is none, or another was faster. */
export async function useRecoveryCode(
  transaction: Kysely<Tables>,
  accountId: string,
  codeHash: string,
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .updateTable("recovery_codes")
    .set({ used_at: new Date() })
    .where("user_id", "=", accountId)
    .where("code_hash", "=", codeHash)
    .where("used_at", "is", null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

function newCode(): string {
  const characters = Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)]);
  return characters.join("").replace(/(.{4})(?=.)/g, "$1-");
}

function hashCode(code: string, accountId: string): Promise<string> {
  return hashShortSecret(code.replace(/-/g, ""), accountId);
}
