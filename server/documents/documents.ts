import { randomBytes } from "node:crypto";
import type * as Y from "yjs";
import {
  bodyMaxCharacters,
  type ChangeDocumentInput,
  type CreateDocumentInput,
  type DocumentSummary,
} from "#shared/http.ts";
import { type Actor, mayGlobally } from "#shared/permissions.ts";
import type { Database } from "../database/database.ts";
import { AppError, ForbiddenError } from "../errors.ts";
import type { OpenRoom, Rooms } from "../sync/types.ts";
import type { DocumentPolicy } from "./access.ts";
import { bodyOf, writeFirstText, writeTitle } from "./document-text.ts";
import type { Project } from "./projection.ts";
import { createSummaries, type LatestRuns, type Summaries } from "./summaries.ts";

export interface Documents extends Summaries {
  create(actor: Actor, input: CreateDocumentInput): Promise<DocumentSummary>;
  change(actor: Actor, documentId: string, input: ChangeDocumentInput): Promise<DocumentSummary>;
  /** The body as plain text, without the final line feed. */
  text(actor: Actor, documentId: string): Promise<string>;
}

interface DocumentsOptions {
  database: Database;
  policy: DocumentPolicy;
  rooms: Rooms;
  project: Project;
  latestRuns: LatestRuns;
  /** Pauses the document's run if one is going. */
  pauseRun: (actor: Actor, documentId: string) => Promise<void>;
  /** Called when a list would look different for those who are on the document. */
  onChanged: (documentId: string) => void;
}

/** Creates, lists, changes and reads documents. */
export function createDocuments(options: DocumentsOptions): Documents {
  const { database, policy, rooms, project, latestRuns, pauseRun, onChanged } = options;
  const summaries = createSummaries(database, latestRuns);

  return {
    list: (actor) => summaries.list(actor),

    async get(actor, documentId) {
      await policy.requireAccess(actor, documentId, "read");
      return summaries.get(actor, documentId);
    },

    async create(actor, { title, body = "" }) {
      if (!mayGlobally(actor.role, "createDocument"))
        throw new ForbiddenError("Only sponsors create documents.");
      refuseTooLong(body);
      const id = await insertDocument(database, actor, title);
      try {
        await withRoom(rooms, id, async (room) => {
          const origin = { kind: "user", actorId: actor.id } as const;
          await room.write(origin, (doc) => writeFirstText(doc, title, body));
          await project(id, room.doc);
        });
      } catch (error) {
        await database.kysely.deleteFrom("documents").where("id", "=", id).execute();
        throw error;
      }
      onChanged(id);
      return summaries.get(actor, id);
    },

    async change(actor, documentId, { title, archived, editorsMayRun }) {
      await policy.requireAccess(actor, documentId, "read");
      if (title !== undefined) await policy.requireAccess(actor, documentId, "write");
      if (archived !== undefined) await policy.requireAccess(actor, documentId, "archive");
      if (editorsMayRun !== undefined)
        await policy.requireAccess(actor, documentId, "changeSettings");
      if (title !== undefined) await changeTitle(actor, documentId, title);
      if (archived === true) await pauseRun(actor, documentId);
      if (archived !== undefined) await setArchived(database, documentId, archived);
      if (editorsMayRun !== undefined)
        await setEditorsMayRun(database, actor, documentId, editorsMayRun);
      onChanged(documentId);
      return summaries.get(actor, documentId);
    },

    async text(actor, documentId) {
      await policy.requireAccess(actor, documentId, "read");
      return withRoom(rooms, documentId, async (room) => bodyOf(room.doc));
    },
  };

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
    await transaction.insertInto("documents").values({ id, title, owner_id: actor.id }).execute();
    await transaction
      .insertInto("assignments")
      .values({ document_id: id, user_id: actor.id, role: "owner", granted_by: actor.id })
      .execute();
  });
  return id;
}

async function setArchived(
  { kysely }: Database,
  documentId: string,
  archived: boolean,
): Promise<void> {
  const changing = kysely
    .updateTable("documents")
    .set({ archived_at: archived ? new Date() : null })
    .where("id", "=", documentId);
  // Archiving twice keeps the first date.
  await (archived ? changing.where("archived_at", "is", null) : changing).execute();
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
