import type * as Y from "yjs";
import type { AuditReader } from "../audit/audit-reader.ts";
import type { Database } from "../database/database.ts";
import { bodyOf } from "./document-text.ts";

interface OwnDataOptions {
  database: Database;
  auditReader: AuditReader;
  /** The document as it was after update `seq`; the caller destroys it. */
  readDocumentAt: (documentId: string, seq: number) => Promise<Y.Doc>;
}

/** Makes the JSON of everything that is kept about an account, piece by piece. */
export type WriteOwnData = (accountId: string) => AsyncIterable<string>;

/** One's own data: what one is, owns, wrote and did; of other people's documents only that one was there. */
export function createOwnData(options: OwnDataOptions): WriteOwnData {
  const { database, auditReader, readDocumentAt } = options;
  const { kysely } = database;

  function profile(accountId: string) {
    return kysely
      .selectFrom("users")
      .select([
        "id",
        "email",
        "name",
        "organisation",
        "reason",
        "role",
        "status",
        "status_reason as statusReason",
        "created_at as createdAt",
      ])
      .select((eb) => eb("totp_secret", "is not", null).as("totp"))
      .where("id", "=", accountId)
      .executeTakeFirstOrThrow();
  }

  function sessions(accountId: string) {
    return kysely
      .selectFrom("sessions")
      .select([
        "id",
        "address",
        "user_agent as userAgent",
        "created_at as createdAt",
        "last_seen_at as lastSeenAt",
        "expires_at as expiresAt",
      ])
      .where("user_id", "=", accountId)
      .orderBy("created_at")
      .execute();
  }

  function usage(accountId: string) {
    return kysely
      .selectFrom("token_usage")
      .select(["day", "tokens"])
      .where("user_id", "=", accountId)
      .orderBy("day")
      .execute();
  }

  function runs(accountId: string) {
    return kysely
      .selectFrom("runs")
      .select([
        "id",
        "document_id as documentId",
        "model",
        "sampling",
        "state",
        "tokens",
        "created_at as createdAt",
      ])
      .where("started_by", "=", accountId)
      .orderBy("created_at")
      .execute();
  }

  /** One at a time: texts may be long. */
  async function* ownedDocuments(accountId: string): AsyncIterable<unknown> {
    const documents = await kysely
      .selectFrom("documents")
      .select([
        "id",
        "title",
        "head_seq",
        "created_at as createdAt",
        "updated_at as updatedAt",
        "archived_at as archivedAt",
      ])
      .where("owner_id", "=", accountId)
      .orderBy("created_at")
      .execute();
    for (const { head_seq: seq, ...document } of documents) {
      const doc = await readDocumentAt(document.id, seq);
      const text = bodyOf(doc);
      doc.destroy();
      yield { ...document, text, versions: await versionsOf(document.id) };
    }
  }

  function versionsOf(documentId: string) {
    return kysely
      .selectFrom("versions")
      .select(["id", "kind", "label", "created_at as createdAt"])
      .where("document_id", "=", documentId)
      .orderBy("seq")
      .execute();
  }

  /** Of others; that one is on it now, or wrote in it. */
  async function sharedDocuments(accountId: string) {
    const rows = await kysely
      .selectFrom("documents")
      .leftJoin("assignments", (join) =>
        join
          .onRef("assignments.document_id", "=", "documents.id")
          .on("assignments.user_id", "=", accountId)
          .on("assignments.revoked_at", "is", null),
      )
      .leftJoin(
        (eb) =>
          eb
            .selectFrom("document_updates")
            .select(["document_id", eb.fn.countAll<number>().as("count")])
            .where("actor_id", "=", accountId)
            .where("origin", "=", "user")
            .groupBy("document_id")
            .as("own"),
        (join) => join.onRef("own.document_id", "=", "documents.id"),
      )
      .select(["documents.id", "documents.title", "assignments.role", "own.count"])
      .where("documents.owner_id", "!=", accountId)
      .where((eb) =>
        eb.or([eb("assignments.role", "is not", null), eb("own.count", "is not", null)]),
      )
      .orderBy("documents.id")
      .execute();
    return rows.map(({ id, title, role, count }) => ({
      id,
      // Who is not on it any more learns no newer title.
      ...(role === null ? {} : { title }),
      role,
      updatesWritten: count ?? 0,
    }));
  }

  async function* events(accountId: string): AsyncIterable<unknown> {
    for await (const page of auditReader.pagesAbout(accountId)) yield* page;
  }

  return async function* write(accountId) {
    yield `{"exportedAt":${JSON.stringify(new Date())}`;
    yield `,\n"profile":${JSON.stringify(await profile(accountId))}`;
    yield* list("sessions", await sessions(accountId));
    yield* list("documentsOwned", ownedDocuments(accountId));
    yield* list("documentsOfOthers", await sharedDocuments(accountId));
    yield* list("runsStarted", await runs(accountId));
    yield* list("tokensByDay", await usage(accountId));
    yield* list("events", events(accountId));
    yield "}\n";
  };
}

/** A field that holds a list, one item a line. */
async function* list(
  name: string,
  items: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncIterable<string> {
  yield `,\n${JSON.stringify(name)}:[`;
  let separator = "\n";
  for await (const item of items) {
    yield separator + JSON.stringify(item);
    separator = ",\n";
  }
  yield "]";
}
