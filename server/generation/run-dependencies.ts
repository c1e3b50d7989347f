import type { Version } from "#shared/http.ts";
import type { Actor, DocumentAction } from "#shared/permissions.ts";
import type { ServerToClientEvents } from "#shared/socket-events.ts";
import type { LoadedModel } from "../inference/engine.ts";
import type { Clock } from "../jobs/clock.ts";
import type { Logger } from "../observability/logger.ts";
import type { Spending } from "../quotas/spending.ts";
import type { Rooms } from "../sync/types.ts";
import type { RunStore } from "./run-store.ts";

/** What generation needs of documents. */
export interface RunDocuments {
  /** Throws NotFoundError or ForbiddenError. */
  requireAccess(actor: Actor, documentId: string, action: DocumentAction): Promise<unknown>;
  /** Whether it rests: nothing may change it. */
  isArchived(documentId: string): Promise<boolean>;
  keepVersion(
    documentId: string,
    version: { kind: Version["kind"]; label: string | null; createdBy: string | null },
  ): Promise<unknown>;
}

/** What generation needs of the model library. */
export interface RunModels {
  /** The default model where none is named; throws `no_such_model`. */
  load(id?: string): Promise<LoadedModel>;
}

/** Tells the people who have a document open. */
export interface RunPublisher {
  toDocument<Event extends keyof ServerToClientEvents>(
    documentId: string,
    event: Event,
    payload: Parameters<ServerToClientEvents[Event]>[0],
  ): void;
}

/** What every run of this server works with. */
export interface RunDependencies {
  rooms: Rooms;
  models: RunModels;
  documents: RunDocuments;
  publish: RunPublisher;
  store: RunStore;
  spending: Spending;
  logger: Logger;
  clock: Clock;
}
