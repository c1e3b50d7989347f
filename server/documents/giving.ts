import { type Kysely, sql } from "kysely";
import { holdAdminWith } from "../accounts/account-lock.ts";
import type { AuditEntry, AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { AppError, ConflictError, NotFoundError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import { moveEpochsOf } from "./archiving.ts";

export interface Giving {
  /**
   * Makes the active sponsor with this email the owner; who owned it goes on as an editor. A purge
   * that was to come is called off. Throws AppError `no_such_account` (404), ConflictError
   * `not_a_sponsor`, `is_owner` or `changed_meanwhile`, NotFoundError, SignedOutError where the one
   * who gives is no active admin any more.
   */
  give(adminId: string, documentId: string, email: string, sender: Sender): Promise<void>;
}

interface GivingOptions {
  database: Database;
  audit: AuditLog;
  /** Awaited before the answer: afterwards nothing of the old roles is left. */
  onAccessChanged: (accountId: string, documentId: string) => Promise<void>;
}

/** Gives documents from owner to owner. */
export function createGiving({ database, audit, onAccessChanged }: GivingOptions): Giving {
  return {
    async give(adminId, documentId, email, sender) {
      const concerned = await database.kysely.transaction().execute(async (transaction) => {
        const ownerId = await ownerOf(transaction, documentId);
        const { id: heirId, name } = await sponsorByEmail(transaction, email);
        if (heirId === ownerId)
          throw new ConflictError("is_owner", `${name} owns this document already.`);
        await holdAdminWith(transaction, adminId, [ownerId, heirId]);
        await moveEpochsOf(transaction, [ownerId, heirId]);
        await requireStillSponsor(transaction, heirId);
        const gift = { documentId, ownerId, heirId, actorId: adminId };
        await changeOwner(transaction, gift);
        await audit.record(given({ ...gift, sender }), transaction);
        return [ownerId, heirId];
      });
      for (const accountId of concerned) await onAccessChanged(accountId, documentId);
    },
  };
}

interface Gift {
  documentId: string;
  ownerId: string;
  heirId: string;
  /** Who gives it: an admin, or the owner. */
  actorId: string;
}

/** The audit log's entry of a gift. */
export function given(gift: Gift & { sender: Sender }): AuditEntry {
  const { documentId, ownerId, heirId, actorId, sender } = gift;
  return {
    action: "document.given",
    actorId,
    target: { kind: "document", id: documentId },
    sender,
    details: { fromAccountId: ownerId, toAccountId: heirId },
  };
}

/** Both accounts are locked. Throws ConflictError `changed_meanwhile` where the owner is another. */
export async function changeOwner(
  transaction: Kysely<Tables>,
  { documentId, ownerId, heirId, actorId }: Gift,
): Promise<void> {
  const { numUpdatedRows } = await transaction
    .updateTable("documents")
    .set({ owner_id: heirId, purge_at: null })
    .where("id", "=", documentId)
    .where("owner_id", "=", ownerId)
    .executeTakeFirst();
  if (numUpdatedRows === 0n)
    throw new ConflictError("changed_meanwhile", "Someone else changed this document just now.");
  await transaction
    .updateTable("assignments")
    .set({ role: "editor", granted_by: actorId })
    .where("document_id", "=", documentId)
    .where("user_id", "=", ownerId)
    .execute();
  const row = { role: "owner", granted_by: actorId, revoked_at: null } as const;
  await transaction
    .insertInto("assignments")
    .values({ document_id: documentId, user_id: heirId, ...row })
    .onConflict((conflict) => conflict.columns(["document_id", "user_id"]).doUpdateSet(row))
    .execute();
}

/** The active sponsor with this email. Throws as `give` does. */
export async function sponsorByEmail(
  transaction: Kysely<Tables>,
  email: string,
): Promise<{ id: string; name: string }> {
  const account = await transaction
    .selectFrom("users")
    .select(["id", "name", "role"])
    .where(sql<string>`lower(email)`, "=", email.toLowerCase())
    .where("status", "=", "active")
    .executeTakeFirst();
  if (account === undefined)
    throw new AppError(
      "no_such_account",
      404,
      `There is no active account with the email ${email}.`,
      { details: { field: "email" } },
    );
  if (account.role !== "sponsor") throw notASponsor(account.name);
  return account;
}

/** Looks again once the account is locked: it may have been suspended meanwhile. */
export async function requireStillSponsor(
  transaction: Kysely<Tables>,
  accountId: string,
): Promise<void> {
  const account = await transaction
    .selectFrom("users")
    .select(["role", "status", "name"])
    .where("id", "=", accountId)
    .executeTakeFirst();
  if (account?.role !== "sponsor" || account.status !== "active")
    throw notASponsor(account?.name ?? "This account");
}

function notASponsor(name: string): ConflictError {
  return new ConflictError(
    "not_a_sponsor",
    `Only an active sponsor can own a document, and ${name} is not one.`,
    { field: "email" },
  );
}

async function ownerOf(transaction: Kysely<Tables>, documentId: string): Promise<string> {
  const document = await transaction
    .selectFrom("documents")
    .select("owner_id")
    .where("id", "=", documentId)
    .executeTakeFirst();
  if (document === undefined) throw new NotFoundError("There is no such document.");
  return document.owner_id;
}
