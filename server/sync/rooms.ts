import type * as Y from "yjs";
import type { Database } from "../database/database.ts";
import { NotFoundError, UnavailableError } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { Connection } from "./connection.ts";
import { createKnownRuns } from "./known-runs.ts";
import { loadDocument } from "./loading.ts";
import { mendEnd } from "./mending.ts";
import type { Patience } from "./patience.ts";
import { Room } from "./room.ts";
import { SnapshotKeeper } from "./snapshot-keeper.ts";
import type { Snapshots } from "./snapshots.ts";
import type { OpenRoom } from "./types.ts";
import { readUpdates } from "./update-log.ts";

export interface RoomsDeps {
  database: Database;
  commitQueue: CommitQueue;
  snapshots: Snapshots;
  patience: Patience;
  /** Asks again what a connection may do, and tells it. */
  judge: (connection: Connection) => Promise<void>;
  project: (documentId: string, doc: Y.Doc) => Promise<void>;
  beforeCommit?: ((documentId: string) => Promise<void>) | undefined;
  afterCommit?: ((documentId: string) => Promise<void>) | undefined;
  /** The id that the server writes with in a document, where chance will not do. */
  drawClientId?: ((documentId: string) => number) | undefined;
  logger: Logger;
}

/** A room and one's hold on it: it stays loaded until `release` (idempotent). */
export interface HeldRoom {
  room: Room;
  release: () => void;
}

/** The documents that are open on this server, each loaded once, unloaded when nobody needs it. */
export class RoomRegistry {
  readonly #deps: RoomsDeps;
  readonly #rooms = new Map<string, Entry>();
  readonly #unloading = new Set<Promise<void>>();
  #draining = false;

  constructor(deps: RoomsDeps) {
    this.#deps = deps;
  }

  /** Throws NotFoundError, or UnavailableError while draining. */
  async hold(documentId: string): Promise<HeldRoom> {
    for (;;) {
      if (this.#draining) throw new UnavailableError("The server is about to restart.");
      const room = await this.#load(documentId);
      // It may have been discarded or unloaded while it was awaited.
      if (room.alive) return { room, release: room.hold() };
    }
  }

  /** The rooms that are there now. */
  async loaded(): Promise<Room[]> {
    const loading = [...this.#rooms.values()].map((entry) => entry.loading);
    const rooms = await Promise.allSettled(loading);
    return rooms.flatMap((room) => (room.status === "fulfilled" ? [room.value] : []));
  }

  /** The document is gone for good: whoever has it open is told so; idempotent. */
  async discard(documentId: string): Promise<void> {
    const entry = this.#rooms.get(documentId);
    // One that failed to load was told so.
    const room = await entry?.loading.catch(() => undefined);
    room?.discard(new NotFoundError());
  }

  /** Lets no one in any more, writes what waits, and unloads everything. */
  async close(): Promise<void> {
    this.#draining = true;
    for (const room of await this.loaded()) this.#startUnloading(room);
    await Promise.all(this.#unloading);
  }

  #load(documentId: string): Promise<Room> {
    const present = this.#rooms.get(documentId);
    if (present !== undefined) return present.loading;
    const entry: Entry = { loading: this.#create(documentId), room: undefined };
    this.#rooms.set(documentId, entry);
    entry.loading.then(
      (room) => {
        entry.room = room;
      },
      () => this.#rooms.delete(documentId),
    );
    return entry.loading;
  }

  async #create(documentId: string): Promise<Room> {
    const { database, snapshots, patience, judge, project, beforeCommit, afterCommit, logger } =
      this.#deps;
    const loaded = await loadDocument(documentId, this.#deps);
    if (loaded === undefined) throw new NotFoundError();
    const { snapshotSeq } = loaded;
    const room: Room = new Room({
      documentId,
      loaded,
      snapshotKeeper: new SnapshotKeeper({ documentId, snapshotSeq, snapshots, logger }),
      knownRuns: createKnownRuns(documentId, this.#deps),
      commitQueue: this.#deps.commitQueue,
      readLogAfter: (seq) =>
        patience.retry(() =>
          readUpdates(database.kysely, documentId, seq, Number.MAX_SAFE_INTEGER),
        ),
      judge,
      project: (doc) => project(documentId, doc),
      beforeCommit: beforeCommit && (() => beforeCommit(documentId)),
      afterCommit: afterCommit && (() => afterCommit(documentId)),
      onIdle: () => this.#startUnloading(room),
      logger: logger.child({ documentId }),
    });
    await room.write({ kind: "system" }, mendEnd);
    return room;
  }

  #startUnloading(room: Room): void {
    const unloading = this.#unload(room)
      .catch((error: unknown) => {
        this.#deps.logger.error({ err: error }, "a document was not unloaded cleanly");
      })
      .finally(() => this.#unloading.delete(unloading));
    this.#unloading.add(unloading);
  }

  async #unload(room: Room): Promise<void> {
    if (room.alive) {
      await room.store();
      if (room.isInUse && !this.#draining) return;
      room.unload(new UnavailableError("The document was closed."));
    }
    if (this.#rooms.get(room.documentId)?.room === room) this.#rooms.delete(room.documentId);
  }
}

interface Entry {
  loading: Promise<Room>;
  /** Once it is loaded. */
  room: Room | undefined;
}

/** What other parts of the server get: the room as the interface has it. */
export function asOpenRoom({ room, release }: HeldRoom): OpenRoom {
  return {
    documentId: room.documentId,
    doc: room.doc,
    get alive() {
      return room.alive;
    },
    write: (origin, change, alsoCommit) => room.write(origin, change, alsoCommit),
    settled: () => room.settled(),
    hasSeen: (stateVector, timeoutMs) => room.hasSeen(stateVector, timeoutMs),
    onApplied: (listener) => room.onApplied(listener),
    onDiscarded: (listener) => room.onDiscarded(listener),
    presence: () => room.presence(),
    onPresence: (listener) => room.onPresence(listener),
    release,
  };
}
