import { randomBytes } from "node:crypto";
import type { Transaction } from "kysely";
import type * as Y from "yjs";
import {
  bodyMaxCharacters,
  type ChangeDocumentInput,
  type CreateDocumentInput,
  type DocumentRun,
  type DocumentSummary,
} from "#shared/http.ts";
import { type Actor, mayGlobally } from "#shared/permissions.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { AppError, ForbiddenError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { OpenRoom, Rooms } from "../sync/types.ts";
import type { DocumentPolicy } from "./access.ts";
import { setArchived } from "./archiving.ts";
import {
  bodyOf,
  formattedBodyOf,
  writeFirstCopy,
  writeFirstText,
  writeTitle,
} from "./document-text.ts";
import type { Project } from "./projection.ts";
import { createSummaries, type LatestRuns, type Summaries } from "./summaries.ts";

export interface Documents extends Summaries {
  create(actor: Actor, input: CreateDocumentInput, sender: Sender): Promise<DocumentSummary>;
  change(
    actor: Actor,
    documentId: string,
    input: ChangeDocumentInput,
    sender: Sender,
  ): Promise<DocumentSummary>;
  /** Its runs, newest first; of very many the newest. */
  runs(actor: Actor, documentId: string): Promise<DocumentRun[]>;
  /** The body as plain text, without the final line feed. */
  text(actor: Actor, documentId: string): Promise<string>;
}

interface DocumentsOptions {
  database: Database;
  audit: AuditLog;
  policy: DocumentPolicy;
  rooms: Rooms;
  project: Project;
  latestRuns: LatestRuns;
  runsOf: (documentId: string) => Promise<DocumentRun[]>;
  /** Pauses the document's run if one is going. */
  pauseRun: (actor: Actor, documentId: string) => Promise<void>;
  /** Called when a list would look different for those who are on the document. */
  onChanged: (documentId: string) => void;
  /** Awaited when a document was archived or brought back: what everyone may do there is another. */
  onEveryonesAccessChanged: (documentId: string) => Promise<void>;
}

/** Creates, lists, changes and reads documents. */
export function createDocuments(options: DocumentsOptions): Documents {
  const { database, audit, policy, rooms, project, latestRuns, pauseRun, onChanged } = options;
  const summaries = createSummaries(database, latestRuns);

  return {
    list: (actor) => summaries.list(actor),

    async get(actor, documentId) {
      await policy.requireAccess(actor, documentId, "read");
      return summaries.get(actor, documentId);
    },

    async create(actor, input, sender) {
      if (!mayGlobally(actor.role, "createDocument"))
        throw new ForbiddenError("Only sponsors create documents.");
      const write = await firstWrite(actor, input);
      const id = await insertDocument(database, actor, input.title);
      const created = { action: "document.created", actorId: actor.id, sender } as const;
      try {
        await withRoom(rooms, id, async (room) => {
          const origin = { kind: "user", actorId: actor.id } as const;
          await room.write(origin, write, (transaction) =>
            audit.record({ ...created, target: { kind: "document", id } }, transaction),
          );
          await project(id, room.doc);
        });
      } catch (error) {
        await database.kysely.deleteFrom("documents").where("id", "=", id).execute();
        throw error;
      }
      onChanged(id);
      return summaries.get(actor, id);
    },

    async change(actor, documentId, { title, archived, editorsMayRun }, sender) {
      await policy.requireAccess(actor, documentId, "read");
      if (title !== undefined) await policy.requireAccess(actor, documentId, "write");
      if (archived !== undefined) await policy.requireAccess(actor, documentId, "archive");
      if (editorsMayRun !== undefined)
        await policy.requireAccess(actor, documentId, "changeSettings");
      if (title !== undefined) await changeTitle(actor, documentId, title);
      if (archived !== undefined) await changeArchived(actor, documentId, archived, sender);
      if (editorsMayRun !== undefined)
        await setEditorsMayRun(database, actor, documentId, editorsMayRun);
      onChanged(documentId);
      return summaries.get(actor, documentId);
    },

    async runs(actor, documentId) {
      await policy.requireAccess(actor, documentId, "read");
      return options.runsOf(documentId);
    },

    async text(actor, documentId) {
      await policy.requireAccess(actor, documentId, "read");
      return withRoom(rooms, documentId, async (room) => bodyOf(room.doc));
    },
  };

  async function changeArchived(
    actor: Actor,
    documentId: string,
    archived: boolean,
    sender: Sender,
  ): Promise<void> {
    const before = await summaries.get(actor, documentId);
    if ((before.archivedAt !== null) === archived) return;
    if (archived) await pauseRun(actor, documentId);
    await database.kysely.transaction().execute(async (transaction) => {
      const changed = await setArchived(transaction, documentId, archived);
      if (!changed) return;
      const action = archived ? "document.archived" : "document.restored";
      const target = { kind: "document", id: documentId } as const;
      await audit.record({ action, actorId: actor.id, target, sender }, transaction);
    });
    await options.onEveryonesAccessChanged(documentId);
  }

  /** What a new document begins with. */
  async function firstWrite(
    actor: Actor,
    { title, body = "", copyOf }: CreateDocumentInput,
  ): Promise<(doc: Y.Doc) => void> {
    if (copyOf === undefined) {
      refuseTooLong(body);
      return (doc) => writeFirstText(doc, title, body);
    }
    await policy.requireAccess(actor, copyOf, "read");
    const source = await withRoom(rooms, copyOf, async (room) => formattedBodyOf(room.doc));
    return (doc) => writeFirstCopy(doc, title, source);
  }

  async function changeTitle(actor: Actor, documentId: string, title: string): Promise<void> {
    await withRoom(rooms, documentId, async (room) => {
      const origin = { kind: "user", actorId: actor.id } as const;
      await room.write(origin, (doc: Y.Doc) => writeTitle(doc, title));
      await project(documentId, room.doc);
    });
  }
}

/** Holds the document open during `use`. */
export async function withRoom<Result>(
  rooms: Rooms,
  documentId: string,
  use: (room: OpenRoom) => Promise<Result>,
): Promise<Result> {
  const room = await rooms.open(documentId);
  try {
    return await use(room);
  } finally {
    room.release();
  }
}

function refuseTooLong(body: string): void {
  if (body.length <= bodyMaxCharacters) return;
  const limit = bodyMaxCharacters.toLocaleString("en");
  throw new AppError("too_large", 413, `The text is longer than ${limit} characters.`, {
    details: { field: "body" },
  });
}

async function insertDocument(database: Database, actor: Actor, title: string): Promise<string> {
  const id = randomBytes(15).toString("base64url");
  await database.kysely.transaction().execute(async (transaction) => {
    await requireStillCreator(transaction, actor.id);
    await transaction.insertInto("documents").values({ id, title, owner_id: actor.id }).execute();
    await transaction
      .insertInto("assignments")
      .values({ document_id: id, user_id: actor.id, role: "owner", granted_by: actor.id })
      .execute();
  });
  return id;
}

/** A change of role at the same moment is before this or sees the document: no editor owns one. */
async function requireStillCreator(
  transaction: Transaction<Tables>,
  accountId: string,
): Promise<void> {
  const account = await transaction
    .selectFrom("users")
    .select("role")
    .where("id", "=", accountId)
    .where("status", "=", "active")
    .forShare()
    .executeTakeFirst();
  if (account === undefined || !mayGlobally(account.role, "createDocument"))
    throw new ForbiddenError("Only sponsors create documents.");
}

async function setEditorsMayRun(
  { kysely }: Database,
  actor: Actor,
  documentId: string,
  editorsMayRun: boolean,
): Promise<void> {
  const change = {
    editors_may_run: editorsMayRun,
    changed_by: actor.id,
    changed_at: new Date(),
  };
  await kysely
    .insertInto("document_settings")
    .values({ document_id: documentId, sampling: "{}", ...change })
    .onConflict((conflict) => conflict.column("document_id").doUpdateSet(change))
    .execute();
}
