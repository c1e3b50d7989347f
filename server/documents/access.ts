import {
  type Actor,
  canSeeDocument,
  type DocumentAction,
  type DocumentRole,
  mayOnDocument,
} from "#shared/permissions.ts";
import type { Database } from "../database/database.ts";
import { ForbiddenError, NotFoundError } from "../errors.ts";
import type { Authorise } from "../sync/types.ts";

/** What an account may count on once `requireAccess` has let it through. */
export interface DocumentAccess {
  documentId: string;
  /** null: an admin who is not assigned. */
  role: DocumentRole | null;
}

export interface DocumentPolicy {
  /** Throws NotFoundError where the actor cannot see the document, else ForbiddenError. */
  requireAccess(actor: Actor, documentId: string, action: DocumentAction): Promise<DocumentAccess>;
  /** The account's role on the document now; null where it has none or is not active. */
  roleOn(accountId: string, documentId: string): Promise<DocumentRole | null>;
  authorise: Authorise;
  /** Ids of the accounts that are on the document now. */
  accountsOn(documentId: string): Promise<string[]>;
}

/** Our ids are of these characters; anything else cannot exist and is not looked up. */
const idPattern = /^[\w-]{1,64}$/;

/** Decides who may do what on a document, by the table in `shared/permissions.ts`. */
export function createDocumentPolicy({ kysely }: Database): DocumentPolicy {
  async function assignmentOf(accountId: string, documentId: string) {
    if (!idPattern.test(documentId)) return undefined;
    return kysely
      .selectFrom("assignments")
      .innerJoin("users", "users.id", "assignments.user_id")
      .select(["assignments.role", "users.name", "users.access_epoch"])
      .where("assignments.document_id", "=", documentId)
      .where("assignments.user_id", "=", accountId)
      .where("assignments.revoked_at", "is", null)
      .where("users.status", "=", "active")
      .executeTakeFirst();
  }

  /** The owner's setting; undefined where the document does not exist. */
  async function settingOf(documentId: string): Promise<boolean | undefined> {
    if (!idPattern.test(documentId)) return undefined;
    const row = await kysely
      .selectFrom("documents")
      .leftJoin("document_settings", "document_settings.document_id", "documents.id")
      .select("document_settings.editors_may_run")
      .where("documents.id", "=", documentId)
      .executeTakeFirst();
    return row === undefined ? undefined : (row.editors_may_run ?? false);
  }

  return {
    async requireAccess(actor, documentId, action) {
      const [assignment, editorsMayRun] = await Promise.all([
        assignmentOf(actor.id, documentId),
        settingOf(documentId),
      ]);
      if (editorsMayRun === undefined) throw new NotFoundError();
      const role = assignment?.role ?? null;
      const standing = { accountRole: actor.role, documentRole: role, editorsMayRun };
      if (mayOnDocument(standing, action)) return { documentId, role };
      throw canSeeDocument(standing) ? new ForbiddenError() : new NotFoundError();
    },

    async roleOn(accountId, documentId) {
      return (await assignmentOf(accountId, documentId))?.role ?? null;
    },

    async authorise(accountId, documentId) {
      const assignment = await assignmentOf(accountId, documentId);
      if (assignment === undefined) return undefined;
      const { name, role, access_epoch: accessEpoch } = assignment;
      return { accountId, name, role, accessEpoch };
    },

    async accountsOn(documentId) {
      const rows = await kysely
        .selectFrom("assignments")
        .select("user_id")
        .where("document_id", "=", documentId)
        .where("revoked_at", "is", null)
        .execute();
      return rows.map((row) => row.user_id);
    },
  };
}
