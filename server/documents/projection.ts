import { sql } from "kysely";
import type * as Y from "yjs";
import type { Database } from "../database/database.ts";
import { excerptOf, titleOf } from "./document-text.ts";
import type { VersionLog } from "./version-log.ts";

/** While a document is being written, a state is kept about this often. */
const automaticVersionEveryMs = 10 * 60 * 1000;

/** Writes what lists show of a document (title, first line, last change) into its row. */
export type Project = (documentId: string, doc: Y.Doc) => Promise<void>;

interface ProjectionOptions {
  database: Database;
  versions: Pick<VersionLog, "keepIfChanged">;
  /** Called when a list would look different: the title has changed. */
  onTitleChanged: (documentId: string) => void;
}

/** The shared text is the truth; its row is a projection that may lag behind by a moment. */
export function createProjection(options: ProjectionOptions): Project {
  const { database, versions, onTitleChanged } = options;
  return async (documentId, doc) => {
    const title = titleOf(doc);
    const excerpt = excerptOf(doc);
    const before = await database.kysely
      .selectFrom("documents")
      .select("title")
      .where("id", "=", documentId)
      .executeTakeFirst();
    if (before === undefined) return;
    await database.kysely
      .updateTable("documents")
      .set({ title, excerpt, updated_at: timeOfLastUpdate(documentId) })
      .where("id", "=", documentId)
      .execute();
    await versions.keepIfChanged(documentId, automaticVersionEveryMs);
    if (before.title !== title) onTitleChanged(documentId);
  };
}

function timeOfLastUpdate(documentId: string) {
  return sql<Date>`coalesce((
    select created_at from document_updates
    where document_id = ${documentId} order by seq desc limit 1
  ), updated_at)`;
}
