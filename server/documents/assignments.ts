import { type Kysely, sql, type Transaction } from "kysely";
import type { Assignment, AssignmentInput } from "#shared/http.ts";
import type { Actor } from "#shared/permissions.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { AppError, ConflictError, NotFoundError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { DocumentPolicy } from "./access.ts";

export interface Assignments {
  list(actor: Actor, documentId: string): Promise<Assignment[]>;
  /** Gives an active account a role, or another role. Throws AppError `no_such_account` (404). */
  assign(
    actor: Actor,
    documentId: string,
    input: AssignmentInput,
    sender: Sender,
  ): Promise<Assignment>;
  unassign(actor: Actor, documentId: string, userId: string, sender: Sender): Promise<void>;
}

interface AssignmentsOptions {
  database: Database;
  audit: AuditLog;
  policy: DocumentPolicy;
  /** Awaited before the answer: afterwards nothing of the old role is left. */
  onAccessChanged: (accountId: string, documentId: string) => Promise<void>;
}

/** Who is on a document; each change moves the account's access epoch in its transaction. */
export function createAssignments(options: AssignmentsOptions): Assignments {
  const { database, audit, policy, onAccessChanged } = options;
  return {
    async list(actor, documentId) {
      await policy.requireAccess(actor, documentId, "assign");
      return assignmentsOf(database.kysely, documentId).orderBy("assignments.granted_at").execute();
    },

    async assign(actor, documentId, { email, role }, sender) {
      await policy.requireAccess(actor, documentId, "assign");
      const userId = await database.kysely.transaction().execute(async (transaction) => {
        const account = await bumpEpochByEmail(transaction, email);
        await refuseOwner(transaction, documentId, account);
        const where = { document_id: documentId, user_id: account };
        await deleteAssignment(transaction, where);
        await transaction
          .insertInto("assignments")
          .values({ ...where, role, granted_by: actor.id })
          .execute();
        await audit.record(
          {
            action: "document.shared",
            actorId: actor.id,
            target: { kind: "document", id: documentId },
            sender,
            details: { accountId: account, role },
          },
          transaction,
        );
        return account;
      });
      await onAccessChanged(userId, documentId);
      return assignmentsOf(database.kysely, documentId)
        .where("assignments.user_id", "=", userId)
        .executeTakeFirstOrThrow(() => new NotFoundError());
    },

    async unassign(actor, documentId, userId, sender) {
      await policy.requireAccess(actor, documentId, "assign");
      await database.kysely.transaction().execute(async (transaction) => {
        await transaction
          .updateTable("users")
          .set({ access_epoch: sql`access_epoch + 1` })
          .where("id", "=", userId)
          .execute();
        await refuseOwner(transaction, documentId, userId);
        const revoked = await transaction
          .updateTable("assignments")
          .set({ revoked_at: new Date() })
          .where("document_id", "=", documentId)
          .where("user_id", "=", userId)
          .where("revoked_at", "is", null)
          .executeTakeFirst();
        if (revoked.numUpdatedRows === 0n)
          throw new NotFoundError("This account is not on the document.");
        await audit.record(
          {
            action: "document.unshared",
            actorId: actor.id,
            target: { kind: "document", id: documentId },
            sender,
            details: { accountId: userId },
          },
          transaction,
        );
      });
      await onAccessChanged(userId, documentId);
    },
  };
}

function assignmentsOf(kysely: Kysely<Tables>, documentId: string) {
  return kysely
    .selectFrom("assignments")
    .innerJoin("users", "users.id", "assignments.user_id")
    .select(["users.id as userId", "users.email", "users.name", "assignments.role"])
    .where("assignments.document_id", "=", documentId)
    .where("assignments.revoked_at", "is", null);
}

async function bumpEpochByEmail(transaction: Transaction<Tables>, email: string): Promise<string> {
  const account = await transaction
    .updateTable("users")
    .set({ access_epoch: sql`access_epoch + 1` })
    .where(sql<string>`lower(email)`, "=", email.toLowerCase())
    .where("status", "=", "active")
    .returning("id")
    .executeTakeFirst();
  if (account !== undefined) return account.id;
  throw new AppError(
    "no_such_account",
    404,
    `There is no active account with the email ${email}. A request to join may still wait, or the account be suspended: an administrator can tell.`,
    {
      details: { field: "email" },
    },
  );
}

async function refuseOwner(
  transaction: Transaction<Tables>,
  documentId: string,
  userId: string,
): Promise<void> {
  const owned = await transaction
    .selectFrom("documents")
    .select("id")
    .where("id", "=", documentId)
    .where("owner_id", "=", userId)
    .executeTakeFirst();
  if (owned !== undefined) throw new ConflictError("is_owner", "The owner of a document keeps it.");
}

async function deleteAssignment(
  transaction: Transaction<Tables>,
  where: { document_id: string; user_id: string },
): Promise<void> {
  await transaction
    .deleteFrom("assignments")
    .where("document_id", "=", where.document_id)
    .where("user_id", "=", where.user_id)
    .execute();
}
