import type { Actor } from "#shared/permissions.ts";
import { holdAdminWith } from "../accounts/account-lock.ts";
import type { AuditEntry, AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import { InvalidError, NotFoundError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { Rooms } from "../sync/types.ts";

export interface Purging {
  /**
   * Removes a document with all that hangs on it: log, snapshots, versions, runs, tokens, settings,
   * assignments. Throws NotFoundError, InvalidError unless `title` is its title, and SignedOutError
   * where the actor is no active admin any more.
   */
  purge(actor: Actor, documentId: string, title: string, sender: Sender): Promise<void>;
  /** Removes what is due by now; resolves with how many. Safe beside others that do the same. */
  purgeDue(): Promise<number>;
}

interface PurgingOptions {
  database: Database;
  audit: AuditLog;
  rooms: Pick<Rooms, "discard">;
  /** Ends the document's run if it has one. */
  endRun: (actor: Actor, documentId: string) => Promise<void>;
  /** Ids of the accounts that are on the document. */
  accountsOn: (documentId: string) => Promise<string[]>;
  /** Awaited: afterwards the document looks missing to the account, on open connections too. */
  onAccessChanged: (accountId: string, documentId: string) => Promise<void>;
}

/** Removes documents for good. */
export function createPurging(options: PurgingOptions): Purging {
  const { database, audit, rooms, endRun, accountsOn, onAccessChanged } = options;

  /** False where it is gone already, or not due any more. */
  async function remove(
    documentId: string,
    entry: Pick<AuditEntry, "actorId" | "sender">,
    condition: { dueBy?: Date },
  ): Promise<boolean> {
    const accountIds = await accountsOn(documentId);
    const removed = await database.kysely.transaction().execute(async (transaction) => {
      if (entry.actorId !== null) await holdAdminWith(transaction, entry.actorId);
      let query = transaction.deleteFrom("documents").where("id", "=", documentId);
      if (condition.dueBy !== undefined) query = query.where("purge_at", "<=", condition.dueBy);
      const document = await query.returning("owner_id").executeTakeFirst();
      if (document === undefined) return false;
      await audit.record(
        {
          ...entry,
          action: "document.purged",
          target: { kind: "document", id: documentId },
          // The title was text of the document: it goes with it.
          details: { ownerId: document.owner_id, due: condition.dueBy !== undefined },
        },
        transaction,
      );
      return true;
    });
    if (!removed) return false;
    await rooms.discard(documentId);
    for (const accountId of accountIds) await onAccessChanged(accountId, documentId);
    return true;
  }

  return {
    async purge(actor, documentId, title, sender) {
      const document = await database.kysely
        .selectFrom("documents")
        .select("title")
        .where("id", "=", documentId)
        .executeTakeFirst();
      if (document === undefined) throw new NotFoundError("There is no such document.");
      if (document.title.trim() !== title.trim())
        throw new InvalidError("This is not the document's title. Nothing was purged.", {
          field: "title",
        });
      await endRun(actor, documentId);
      if (!(await remove(documentId, { actorId: actor.id, sender }, {})))
        throw new NotFoundError("There is no such document.");
    },

    async purgeDue() {
      const dueBy = new Date();
      const due = await database.kysely
        .selectFrom("documents")
        .select("id")
        .where("purge_at", "<=", dueBy)
        .execute();
      let purged = 0;
      for (const { id } of due) {
        if (await remove(id, { actorId: null }, { dueBy })) purged += 1;
      }
      return purged;
    },
  };
}
