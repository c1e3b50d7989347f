import {
  type Actor,
  canSeeDocument,
  type DocumentAction,
  type DocumentRole,
  type DocumentStanding,
  mayOnDocument,
} from "#shared/permissions.ts";
import type { Database } from "../database/database.ts";
import { ForbiddenError, NotFoundError, TotpSetupRequiredError } from "../errors.ts";
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
  /** For sync: an archived document has watchers only. */
  authorise: Authorise;
  /** Whether the document rests; false where there is none. */
  isArchived(documentId: string): Promise<boolean>;
  /** Ids of the accounts that are on the document now. */
  accountsOn(documentId: string): Promise<string[]>;
  /** Ids of the documents that the account is on now. */
  documentsOf(accountId: string): Promise<string[]>;
}

type DocumentSettings = Pick<DocumentStanding, "editorsMayRun" | "archived">;

const archivedSentence = "This document is archived. Its owner can bring it back.";

/** Our ids are of these characters; anything else cannot exist and is not looked up. */
const idPattern = /^[\w-]{1,64}$/;

/** Decides who may do what on a document, by the table in `shared/permissions.ts`. */
export function createDocumentPolicy({ kysely }: Database): DocumentPolicy {
  async function assignmentOf(accountId: string, documentId: string) {
    if (!idPattern.test(documentId)) return undefined;
    return kysely
      .selectFrom("assignments")
      .innerJoin("users", "users.id", "assignments.user_id")
      .innerJoin("documents", "documents.id", "assignments.document_id")
      .select(["assignments.role", "users.name", "users.access_epoch", "documents.archived_at"])
      .where("assignments.document_id", "=", documentId)
      .where("assignments.user_id", "=", accountId)
      .where("assignments.revoked_at", "is", null)
      .where("users.status", "=", "active")
      .executeTakeFirst();
  }

  /** What the owner decided; undefined where the document does not exist. */
  async function settingsOf(documentId: string): Promise<DocumentSettings | undefined> {
    if (!idPattern.test(documentId)) return undefined;
    const row = await kysely
      .selectFrom("documents")
      .leftJoin("document_settings", "document_settings.document_id", "documents.id")
      .select(["document_settings.editors_may_run", "documents.archived_at"])
      .where("documents.id", "=", documentId)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return { editorsMayRun: row.editors_may_run ?? false, archived: row.archived_at !== null };
  }

  return {
    async requireAccess(actor, documentId, action) {
      const [assignment, settings] = await Promise.all([
        assignmentOf(actor.id, documentId),
        settingsOf(documentId),
      ]);
      if (settings === undefined) throw new NotFoundError();
      const role = assignment?.role ?? null;
      const standing = { accountRole: actor.role, documentRole: role, ...settings };
      if (mayOnDocument(standing, action)) {
        const byRoleHere = mayOnDocument({ ...standing, accountRole: "editor" }, action);
        if (actor.totpMissing && !byRoleHere) throw new TotpSetupRequiredError();
        return { documentId, role };
      }
      if (!canSeeDocument(standing)) throw new NotFoundError();
      const restsOnly = mayOnDocument({ ...standing, archived: false }, action);
      throw restsOnly ? new ForbiddenError(archivedSentence) : new ForbiddenError();
    },

    async roleOn(accountId, documentId) {
      return (await assignmentOf(accountId, documentId))?.role ?? null;
    },

    async isArchived(documentId) {
      return (await settingsOf(documentId))?.archived ?? false;
    },

    async authorise(accountId, documentId) {
      const assignment = await assignmentOf(accountId, documentId);
      if (assignment === undefined) return undefined;
      const { name, access_epoch: accessEpoch } = assignment;
      // Everyone only watches an archived document.
      const role = assignment.archived_at === null ? assignment.role : "watcher";
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

    async documentsOf(accountId) {
      const rows = await kysely
        .selectFrom("assignments")
        .select("document_id")
        .where("user_id", "=", accountId)
        .where("revoked_at", "is", null)
        .execute();
      return rows.map((row) => row.document_id);
    },
  };
}
