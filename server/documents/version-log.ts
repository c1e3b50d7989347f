import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import type { Version } from "#shared/http.ts";
import type { Database } from "../database/database.ts";
import { NotFoundError } from "../errors.ts";

export interface NewVersion {
  kind: Version["kind"];
  label: string | null;
  /** null: the server itself. */
  createdBy: string | null;
}

export interface VersionLog {
  /** Keeps the state that is committed now. Throws NotFoundError where the document is gone. */
  keep(documentId: string, version: NewVersion): Promise<Version>;
  /** Keeps one if the document has changed since the last, and that is `minimumAgeMs` ago. */
  keepIfChanged(documentId: string, minimumAgeMs: number): Promise<void>;
  /** Newest first. */
  list(documentId: string): Promise<Version[]>;
  /** A version and its place in the update log. Throws NotFoundError. */
  find(documentId: string, versionId: string): Promise<{ version: Version; seq: number }>;
}

/** The kept states of documents: places in their update logs, with a name or a reason. */
export function createVersionLog({ kysely }: Database): VersionLog {
  function versionsOf(documentId: string) {
    return kysely
      .selectFrom("versions")
      .leftJoin("users", "users.id", "versions.created_by")
      .select([
        "versions.id",
        "versions.label",
        "versions.kind",
        "versions.created_at",
        "versions.seq",
        "users.id as user_id",
        "users.name as user_name",
      ])
      .where("versions.document_id", "=", documentId);
  }

  async function find(documentId: string, versionId: string) {
    const row = await versionsOf(documentId)
      .where("versions.id", "=", versionId)
      .executeTakeFirst();
    if (row === undefined) throw new NotFoundError("There is no such version of this document.");
    return { version: toVersion(row), seq: row.seq };
  }

  return {
    async keep(documentId, { kind, label, createdBy }) {
      // One statement: a run that starts waits for it.
      const { rows } = await sql<VersionRow>`
        with kept as (
          insert into versions (id, document_id, seq, kind, label, created_by)
          select ${newId()}, id, head_seq, ${kind}, ${label}, ${createdBy}
          from documents where id = ${documentId}
          returning id, label, kind, created_at, created_by
        )
        select kept.id, kept.label, kept.kind, kept.created_at,
          users.id as user_id, users.name as user_name
        from kept left join users on users.id = kept.created_by`.execute(kysely);
      const [row] = rows;
      if (row === undefined) throw new NotFoundError();
      return toVersion(row);
    },

    async keepIfChanged(documentId, minimumAgeMs) {
      const before = new Date(Date.now() - minimumAgeMs);
      await sql`
        insert into versions (id, document_id, seq, kind)
        select ${newId()}, d.id, d.head_seq, 'automatic'
        from documents d
        left join lateral (
          select seq, created_at from versions v
          where v.document_id = d.id order by seq desc, created_at desc limit 1
        ) last on true
        where d.id = ${documentId}
          and d.head_seq > coalesce(last.seq, 0)
          and coalesce(last.created_at, d.created_at) <= ${before}`.execute(kysely);
    },

    async list(documentId) {
      const rows = await versionsOf(documentId)
        .orderBy("versions.seq", "desc")
        .orderBy("versions.created_at", "desc")
        .execute();
      return rows.map(toVersion);
    },

    find,
  };
}

function newId(): string {
  return randomBytes(12).toString("base64url");
}

interface VersionRow {
  id: string;
  label: string | null;
  kind: Version["kind"];
  created_at: Date;
  user_id: string | null;
  user_name: string | null;
}

function toVersion(row: VersionRow): Version {
  const { id, label, kind, user_id: userId, user_name: name } = row;
  const createdBy = userId === null || name === null ? null : { id: userId, name };
  return { id, label, kind, createdAt: row.created_at.toISOString(), createdBy };
}
