import type { DocumentSummary } from "#shared/http.ts";
import { type Actor, type DocumentRole, mayGlobally } from "#shared/permissions.ts";
import type { Run } from "#shared/run.ts";
import type { Database } from "../database/database.ts";
import { NotFoundError } from "../errors.ts";

/** Each document's live run, else its most recent one. */
export type LatestRuns = (documentIds: string[]) => Promise<Map<string, Run>>;

export interface Summaries {
  /** What the actor has a role on, last changed first; an admin sees that the others exist. */
  list(actor: Actor): Promise<DocumentSummary[]>;
  /** Throws NotFoundError where the actor has no role on it. */
  get(actor: Actor, documentId: string): Promise<DocumentSummary>;
}

/** Documents as lists and headings show them. */
export function createSummaries({ kysely }: Database, latestRuns: LatestRuns): Summaries {
  function rowsFor(accountId: string) {
    return kysely
      .selectFrom("documents")
      .innerJoin("users as owner", "owner.id", "documents.owner_id")
      .leftJoin("document_settings", "document_settings.document_id", "documents.id")
      .leftJoin("assignments as own", (join) =>
        join
          .onRef("own.document_id", "=", "documents.id")
          .on("own.user_id", "=", accountId)
          .on("own.revoked_at", "is", null),
      )
      .select([
        "documents.id",
        "documents.title",
        "documents.excerpt",
        "documents.restore_epoch",
        "documents.created_at",
        "documents.updated_at",
        "documents.archived_at",
        "owner.id as owner_id",
        "owner.name as owner_name",
        "document_settings.editors_may_run",
        "own.role",
      ]);
  }
  type Row = Awaited<ReturnType<ReturnType<typeof rowsFor>["execute"]>>[number];

  async function peopleOf(documentIds: string[]): Promise<Map<string, DocumentSummary["people"]>> {
    const rows = await kysely
      .selectFrom("assignments")
      .innerJoin("users", "users.id", "assignments.user_id")
      .select(["assignments.document_id", "assignments.role", "users.id", "users.name"])
      .where("assignments.document_id", "in", documentIds)
      .where("assignments.revoked_at", "is", null)
      .orderBy("assignments.granted_at")
      .execute();
    const people = new Map<string, DocumentSummary["people"]>();
    for (const { document_id: documentId, ...person } of rows)
      people.set(documentId, [...(people.get(documentId) ?? []), person]);
    return people;
  }

  async function complete(rows: Row[]): Promise<DocumentSummary[]> {
    if (rows.length === 0) return [];
    const ids = rows.map((row) => row.id);
    const [people, runs] = await Promise.all([peopleOf(ids), latestRuns(ids)]);
    return rows.map((row) => ({
      id: row.id,
      title: row.title,
      role: row.role,
      owner: { id: row.owner_id, name: row.owner_name },
      excerpt: excerptFor(row.role, row.excerpt),
      people: people.get(row.id) ?? [],
      editorsMayRun: row.editors_may_run ?? false,
      restoreEpoch: row.restore_epoch,
      run: runs.get(row.id) ?? null,
      createdAt: row.created_at.toISOString(),
      updatedAt: row.updated_at.toISOString(),
      archivedAt: row.archived_at?.toISOString() ?? null,
    }));
  }

  return {
    async list(actor) {
      const query = rowsFor(actor.id).orderBy("documents.updated_at", "desc");
      const rows = mayGlobally(actor.role, "listAllDocuments")
        ? await query.execute()
        : await query.where("own.role", "is not", null).execute();
      return complete(rows);
    },

    async get(actor, documentId) {
      const rows = await rowsFor(actor.id)
        .where("documents.id", "=", documentId)
        .where("own.role", "is not", null)
        .execute();
      const [summary] = await complete(rows);
      if (summary === undefined) throw new NotFoundError();
      return summary;
    },
  };
}

/** The first line is text, and an admin without a role sees none. */
function excerptFor(role: DocumentRole | null, excerpt: string): string {
  return role === null ? "" : excerpt;
}
