import { randomUUID } from "node:crypto";
import * as Y from "yjs";
import type { Actor } from "#shared/permissions.ts";
import type { Run } from "#shared/run.ts";
import type { RunReread, RunStats, RunToken } from "#shared/socket-events.ts";
import type { Database } from "../../server/database/database.ts";
import { createDocumentPolicy } from "../../server/documents/access.ts";
import { createVersionLog } from "../../server/documents/version-log.ts";
import { createGeneration, type Generation } from "../../server/generation/generation.ts";
import type { RunDocuments } from "../../server/generation/run-dependencies.ts";
import type { LoadedModel } from "../../server/inference/engine.ts";
import type { Clock } from "../../server/jobs/clock.ts";
import { demonstrationQuota } from "../../server/quotas/built-in.ts";
import { createSpending } from "../../server/quotas/spending.ts";
import type { SyncDeps } from "../../server/sync/sync.ts";
import type { Rooms } from "../../server/sync/types.ts";
import { silent } from "./pglite.ts";
import {
  addAccount,
  addDocument,
  openTab,
  type SyncServer,
  startSyncServer,
  type Tab,
} from "./sync-server.ts";

/** What was published to a document, in order. */
export interface Published {
  states: Run[];
  tokens: RunToken[];
  stats: RunStats[];
  rereads: RunReread[];
}

/** Real database, real sync, real generation; only the model may be a scripted one. */
export interface RunDesk {
  database: Database;
  server: SyncServer;
  generation: Generation;
  published: Published;
  owner: Actor;
  editor: Actor;
  documentId: string;
  /** A browser tab of this account, synced. */
  openTab(account: Actor): Promise<Tab>;
  /** The committed text without its final line break. */
  text(): Promise<string>;
  /** As a crash and a new process: the database alone stays. */
  restart(model: LoadedModel): Promise<void>;
  close(): Promise<void>;
}

export interface RunDeskOptions {
  /** May be shared: every desk has accounts and a document of its own. */
  database: Database;
  body?: string;
  model: LoadedModel;
  clock?: Clock;
  /** How the model is loaded; by default it is there. */
  loadModel?: (model: LoadedModel) => Promise<LoadedModel>;
  sync?: Partial<SyncDeps>;
  /** What generation sees of the open documents. */
  wrapRooms?: (rooms: Rooms) => Rooms;
  /** What generation sees of documents. */
  wrapDocuments?: (documents: RunDocuments) => RunDocuments;
}

export async function openRunDesk(options: RunDeskOptions): Promise<RunDesk> {
  const { database } = options;
  const owner = await addActor(database);
  const editor = await addActor(database);
  const roles = { [owner.id]: "owner", [editor.id]: "editor" } as const;
  const documentId = await addDocument(database, newId("story"), roles);
  const policy = createDocumentPolicy(database);
  const versions = createVersionLog(database);
  const published: Published = { states: [], tokens: [], stats: [], rereads: [] };
  const tabs: Tab[] = [];
  let server = await startSyncServer(database, options.sync);
  let generation = open(options.model);

  function open(model: LoadedModel): Generation {
    const rooms = options.wrapRooms?.(server.sync.rooms) ?? server.sync.rooms;
    const documents: RunDocuments = {
      requireAccess: (...access) => policy.requireAccess(...access),
      isArchived: (archived) => policy.isArchived(archived),
      keepVersion: (...version) => versions.keep(...version),
    };
    return createGeneration({
      database,
      rooms,
      models: { load: async () => options.loadModel?.(model) ?? model },
      documents: options.wrapDocuments?.(documents) ?? documents,
      publish: {
        toDocument(_documentId, event, payload) {
          record(published, event, payload);
        },
      },
      spending: createSpending(database, demonstrationQuota),
      logger: silent,
      ...(options.clock ? { clock: options.clock } : {}),
    });
  }

  const room = await server.sync.rooms.open(documentId);
  await room.write({ kind: "user", actorId: owner.id }, (doc) => {
    doc.getText("body").insert(0, options.body ?? "", {});
  });
  room.release();

  const desk: RunDesk = {
    database,
    get server() {
      return server;
    },
    get generation() {
      return generation;
    },
    published,
    owner,
    editor,
    documentId,
    async openTab(account) {
      const tab = openTab(server.url, documentId, account.id);
      tabs.push(tab);
      await tab.synced();
      return tab;
    },
    async text() {
      const open = await server.sync.rooms.open(documentId);
      await open.settled();
      const text = open.doc.getText("body").toString().replace(/\n$/, "");
      open.release();
      return text;
    },
    async restart(model) {
      for (const tab of tabs.splice(0)) tab.close();
      await server.crash();
      server = await startSyncServer(database, options.sync);
      generation = open(model);
      await generation.recover();
    },
    async close() {
      for (const tab of tabs) tab.close();
      await generation.close();
      await server.close();
    },
  };
  return desk;
}

function newId(kind: string): string {
  return `${kind}-${randomUUID().slice(0, 8)}`;
}

async function addActor(database: Database): Promise<Actor> {
  const id = await addAccount(database, newId("writer"));
  const { name } = await database.kysely
    .selectFrom("users")
    .select("name")
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  return { id, name, role: "sponsor" };
}

function record(published: Published, event: string, payload: unknown): void {
  // The publisher's types tie each event to its payload; here they are told apart again.
  if (event === "run:state") published.states.push(structuredClone((payload as { run: Run }).run));
  if (event === "run:tokens") published.tokens.push(...(payload as { tokens: RunToken[] }).tokens);
  if (event === "run:stats") published.stats.push(payload as RunStats);
  if (event === "run:reread") published.rereads.push(payload as RunReread);
}

/** The state vector of a tab, as commands carry it. */
export function seenBy(tab: Tab): string {
  return Buffer.from(Y.encodeStateVector(tab.doc)).toString("base64");
}
