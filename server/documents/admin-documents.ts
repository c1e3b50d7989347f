import { type Expression, sql } from "kysely";
import { type AdminDocument, type AdminDocumentsQuery, adminPageSize } from "#shared/admin.ts";
import { isLive, liveRunStates } from "#shared/run.ts";
import type { Database } from "../database/database.ts";
import { NotFoundError } from "../errors.ts";
import type { LatestRuns } from "./summaries.ts";

export interface AdminDocuments {
  /** One page, and how many documents fit altogether. */
  list(query: AdminDocumentsQuery): Promise<{ documents: AdminDocument[]; total: number }>;
  /** Throws NotFoundError. */
  get(documentId: string): Promise<AdminDocument>;
}

/** Documents as admins see them: whose, how big, how busy; never a word of their text. */
export function createAdminDocuments({ kysely }: Database, latestRuns: LatestRuns): AdminDocuments {
  function documents() {
    return kysely
      .selectFrom("documents")
      .innerJoin("users as owner", "owner.id", "documents.owner_id");
  }
  type Documents = ReturnType<typeof documents>;

  function filtered({ search, live }: Pick<AdminDocumentsQuery, "search" | "live">): Documents {
    let query = documents();
    if (search !== "") query = query.where(mentions(search));
    if (live !== undefined) query = query.where(hasLiveRun);
    return query;
  }

  async function complete(query: Documents): Promise<AdminDocument[]> {
    const rows = await query
      .select([
        "documents.id",
        "documents.title",
        "owner.id as owner_id",
        "owner.name as owner_name",
        "documents.created_at",
        "documents.updated_at",
        "documents.archived_at",
        "documents.purge_at",
        people.as("people"),
        size.as("size_bytes"),
      ])
      .execute();
    const runs = await latestRuns(rows.map(({ id }) => id));
    return rows.map((row) => {
      const run = runs.get(row.id);
      return { ...describe(row), run: run !== undefined && isLive(run.state) ? run : null };
    });
  }

  return {
    async list({ sort, direction, page, ...filter }) {
      const { total } = await filtered(filter)
        .select((eb) => eb.fn.countAll<number>().as("total"))
        .executeTakeFirstOrThrow();
      const query = filtered(filter)
        .orderBy(sortKeys[sort], direction)
        .orderBy("documents.id")
        .limit(adminPageSize)
        .offset((page - 1) * adminPageSize);
      return { documents: await complete(query), total };
    },

    async get(documentId) {
      const [document] = await complete(documents().where("documents.id", "=", documentId));
      if (document === undefined) throw new NotFoundError("There is no such document.");
      return document;
    },
  };
}

const people = sql<number>`(select count(*) from assignments
  where assignments.document_id = documents.id and revoked_at is null)`;

/** Bytes of the log and the snapshots; Postgres tells a value's length without reading it. */
const size = sql<number>`((select coalesce(sum(octet_length(payload)), 0) from document_updates
    where document_updates.document_id = documents.id)
  + (select coalesce(sum(octet_length(state)), 0) from document_snapshots
    where document_snapshots.document_id = documents.id))::bigint`;

const hasLiveRun = sql<boolean>`exists (select from runs
  where runs.document_id = documents.id and runs.state in (${sql.join([...liveRunStates])}))`;

const sortKeys: { readonly [sort in AdminDocumentsQuery["sort"]]: Expression<unknown> } = {
  createdAt: sql`documents.created_at`,
  updatedAt: sql`documents.updated_at`,
  title: sql`lower(documents.title)`,
  owner: sql`lower(owner.name)`,
  size,
};

/** Letter by letter, so that `%` and `_` are only themselves. */
function mentions(search: string) {
  const part = search.toLowerCase();
  return sql<boolean>`strpos(lower(concat_ws(' ', documents.title, owner.name, owner.email,
    documents.id)), ${part}) > 0`;
}

interface Row {
  id: string;
  title: string;
  owner_id: string;
  owner_name: string;
  created_at: Date;
  updated_at: Date;
  archived_at: Date | null;
  purge_at: Date | null;
  people: number;
  size_bytes: number;
}

function describe(row: Row): Omit<AdminDocument, "run"> {
  return {
    id: row.id,
    title: row.title,
    owner: { id: row.owner_id, name: row.owner_name },
    people: row.people,
    sizeBytes: row.size_bytes,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    archivedAt: row.archived_at?.toISOString() ?? null,
    purgeAt: row.purge_at?.toISOString() ?? null,
  };
}
