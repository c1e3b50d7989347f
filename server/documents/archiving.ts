import { type Kysely, sql } from "kysely";
import type { Tables } from "../database/tables.ts";

/**
 * Lays a document to rest or brings it back; false where it is so already. Moves the access epoch of
 * everyone on it, so that no write of theirs slips through.
 */
export async function setArchived(
  transaction: Kysely<Tables>,
  documentId: string,
  archived: boolean,
): Promise<boolean> {
  await moveEpochs(transaction, [documentId]);
  const { numUpdatedRows } = await transaction
    .updateTable("documents")
    .set({ archived_at: archived ? new Date() : null })
    .where("id", "=", documentId)
    // Archiving twice keeps the first date.
    .where("archived_at", archived ? "is" : "is not", null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Makes everyone who is on one of these documents show anew what he may do. */
export async function moveEpochs(
  transaction: Kysely<Tables>,
  documentIds: readonly string[],
): Promise<void> {
  if (documentIds.length === 0) return;
  const people = await transaction
    .selectFrom("users")
    .select("id")
    .where("id", "in", (eb) =>
      eb
        .selectFrom("assignments")
        .select("user_id")
        .where("document_id", "in", documentIds)
        .where("revoked_at", "is", null),
    )
    // In the order in which commits lock them, too.
    .orderBy("id")
    .forUpdate()
    .execute();
  await moveEpochsOf(
    transaction,
    people.map(({ id }) => id),
  );
}

/** Locks these accounts, in the order in which commits do, and moves their access epochs. */
export async function moveEpochsOf(
  transaction: Kysely<Tables>,
  accountIds: readonly string[],
): Promise<void> {
  if (accountIds.length === 0) return;
  await transaction
    .selectFrom("users")
    .select("id")
    .where("id", "in", [...accountIds])
    .orderBy("id")
    .forUpdate()
    .execute();
  await transaction
    .updateTable("users")
    .set({ access_epoch: sql`access_epoch + 1` })
    .where("id", "in", [...accountIds])
    .execute();
}
