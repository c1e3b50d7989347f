import * as Y from "yjs";
import { type CloseCode, closeCodes } from "#shared/close-codes.ts";
import type { PresenceState } from "#shared/sync-protocol.ts";
import { NotFoundError } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";
import { type Announcement, Awareness } from "./awareness.ts";
import type { ConnectedRoom, Connection } from "./connection.ts";
import { type CommittedUpdate, DocumentQueue, type DocumentQueueDeps } from "./document-queue.ts";
import {
  type AwarenessEntry,
  awarenessFrame,
  isStateVector,
  step1Frame,
  step2Frame,
  updateFrame,
} from "./frames.ts";
import type { LoadedDocument } from "./loading.ts";
import { Projection } from "./projection.ts";
import type { SnapshotKeeper } from "./snapshot-keeper.ts";
import type { Access, AppliedUpdate, CommitCompanion, UpdateOrigin } from "./types.ts";

export interface RoomDeps
  extends Pick<
    DocumentQueueDeps,
    "knownRuns" | "commitQueue" | "readLogAfter" | "beforeCommit" | "afterCommit"
  > {
  documentId: string;
  loaded: LoadedDocument;
  snapshotKeeper: SnapshotKeeper;
  judge(connection: Connection): Promise<void>;
  project(doc: Y.Doc): Promise<void>;
  /** It can be unloaded now; or must be, as it was discarded. */
  onIdle(): void;
  logger: Logger;
}

/** A document that is open on this server: its queue, its connections, and who is in it. */
export class Room implements ConnectedRoom {
  readonly documentId: string;
  readonly doc: Y.Doc;
  readonly restoreEpoch: number;
  readonly #deps: RoomDeps;
  readonly #queue: DocumentQueue;
  readonly #awareness: Awareness;
  readonly #projection: Projection;
  readonly #connections = new Set<Connection>();
  /** Gone, with frames that may still wait. */
  readonly #departed = new Set<Connection>();
  readonly #applied = new Set<(update: AppliedUpdate) => void>();
  readonly #discarded = new Set<(error: Error) => void>();
  readonly #presence = new Set<() => void>();
  readonly #settled = new Set<() => void>();
  #holds = 0;
  #alive = true;

  constructor(deps: RoomDeps) {
    const { documentId, loaded } = deps;
    this.#deps = deps;
    this.documentId = documentId;
    this.doc = loaded.doc;
    this.restoreEpoch = loaded.restoreEpoch;
    this.#awareness = new Awareness(loaded.clientIds);
    this.#projection = new Projection(() => deps.project(this.doc), deps.logger);
    this.#queue = new DocumentQueue({
      ...deps,
      ...loaded,
      judgeAccess: (accountIds) => this.judgeAccess(accountIds),
      onApplied: (update) => this.#tell(this.#applied, update),
      onCommitted: (update) => this.#broadcastUpdate(update),
      onSettled: () => this.#onSettled(),
      onFailed: (error) => this.discard(error),
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  get isInUse(): boolean {
    return this.#holds > 0 || this.#connections.size > 0;
  }

  hold(): () => void {
    this.#holds += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      this.#reportIdle();
    };
  }

  join(connection: Connection, access: Access): void {
    this.#connections.add(connection);
    connection.join(this, access);
    if (connection.isClosed) return;
    if (connection.writeAccess !== undefined) this.#askForTheirs(connection);
    if (this.#awareness.entries().length > 0) this.answerAwareness(connection);
  }

  write<Result>(
    origin: UpdateOrigin,
    change: (doc: Y.Doc) => Result,
    alsoCommit?: CommitCompanion<Result>,
  ): Promise<Result> {
    return this.#queue.write(origin, change, alsoCommit);
  }

  settled(): Promise<void> {
    return this.#queue.settled();
  }

  /** Waits until the document holds all of `stateVector`; false after `timeoutMs`. */
  hasSeen(stateVector: Uint8Array, timeoutMs: number): Promise<boolean> {
    const wanted = Y.decodeStateVector(stateVector);
    const isThere = () =>
      this.#queue.isDurable &&
      [...wanted].every(([client, clock]) => Y.getState(this.doc.store, client) >= clock);
    return new Promise((resolve) => {
      if (isThere()) return resolve(true);
      const finish = (seen: boolean) => {
        clearTimeout(timer);
        this.#settled.delete(look);
        resolve(seen);
      };
      const look = () => (isThere() || !this.#alive) && finish(this.#alive);
      const timer = setTimeout(() => finish(false), timeoutMs);
      this.#settled.add(look);
    });
  }

  onApplied(listener: (update: AppliedUpdate) => void): () => void {
    return subscribe(this.#applied, listener);
  }

  onDiscarded(listener: (error: Error) => void): () => void {
    return subscribe(this.#discarded, listener);
  }

  onPresence(listener: () => void): () => void {
    return subscribe(this.#presence, listener);
  }

  presence(): PresenceState[] {
    return this.#awareness.states();
  }

  answerStep1(connection: Connection, stateVector: Uint8Array): void {
    if (!isStateVector(stateVector)) {
      connection.close(closeCodes.malformed, "not a state vector");
      return;
    }
    this.#queue.whenDurable(() =>
      connection.sendDocument(step2Frame(Y.encodeStateAsUpdate(this.doc, stateVector))),
    );
  }

  receive(connection: Connection, update: Uint8Array): void {
    this.#queue.push(connection, update);
  }

  mayShow({ writeAccess }: Connection, clientId: number): boolean {
    return writeAccess !== undefined && this.#awareness.mayShow(clientId, writeAccess.accountId);
  }

  publish(connection: Connection, entry: AwarenessEntry): "published" | "tooLarge" | "dropped" {
    if (this.#awareness.isTooLarge(entry)) return "tooLarge";
    const announcement = this.#awareness.publish(connection, entry);
    if (announcement === undefined) return "dropped";
    this.#announce(announcement, connection);
    return "published";
  }

  answerAwareness(connection: Connection): void {
    connection.send(awarenessFrame(this.#awareness.entries()));
  }

  accessChanged(connection: Connection): void {
    if (connection.writeAccess === undefined) return this.#removePresence(connection);
    const announcement = this.#awareness.restamp(connection);
    if (announcement !== undefined) this.#announce(announcement, connection);
    this.#askForTheirs(connection);
  }

  leave(connection: Connection): void {
    this.#connections.delete(connection);
    if (!this.#queue.isIdle) this.#departed.add(connection);
    this.#removePresence(connection);
    this.#reportIdle();
  }

  /** Asks again what these accounts may do here, and tells their connections. */
  async judgeAccess(accountIds: readonly string[]): Promise<void> {
    const concerned = [...this.#connections, ...this.#departed].filter(({ request }) =>
      accountIds.includes(request.accountId),
    );
    await Promise.all(concerned.map((connection) => this.#deps.judge(connection)));
  }

  /** Takes the states of those away who gave no sign of life. */
  expirePresence(now: number): void {
    const entries = this.#awareness.expire(now);
    if (entries.length > 0) this.#announce({ entries, toPublisherToo: true }, undefined);
  }

  /** Stores a snapshot of what is committed, if there is anything new. */
  async keepSnapshot(): Promise<void> {
    await this.settled();
    await this.#queue.durable();
    await this.#deps.snapshotKeeper.keep(this.doc, this.#queue.headSeq);
  }

  /** The document in memory is no longer to be trusted: it has to be loaded again. */
  discard(error: Error): void {
    if (!this.#alive) return;
    const isGone = error instanceof NotFoundError;
    const level = isGone ? "info" : "error";
    this.#deps.logger[level]({ err: error, documentId: this.documentId }, "document discarded");
    this.#end(error, isGone ? closeCodes.noSuchDocument : closeCodes.reloading, error.message);
    this.#tell(this.#discarded, error);
    this.#deps.onIdle();
  }

  /** Resolves once everything about it is stored. */
  async store(): Promise<void> {
    await this.keepSnapshot();
    await this.#projection.close();
  }

  /** Ends it in peace: nobody is in it, or the server drains. */
  unload(error: Error): void {
    if (this.#alive) this.#end(error, closeCodes.reloading, "the server restarts");
  }

  #end(error: Error, code: CloseCode, reason: string): void {
    this.#alive = false;
    this.#queue.stop(error);
    for (const connection of this.#connections) connection.close(code, reason);
    for (const look of this.#settled) look();
    this.#projection.stop();
    this.doc.destroy();
  }

  #onSettled(): void {
    for (const look of this.#settled) look();
    if (this.#queue.isEmpty) this.#departed.clear();
    if (this.#queue.isDurable) this.#deps.snapshotKeeper.consider(this.doc, this.#queue.headSeq);
  }

  #askForTheirs(connection: Connection): void {
    this.#queue.whenDurable(() => connection.send(step1Frame(Y.encodeStateVector(this.doc))));
  }

  #broadcastUpdate({ payload, author }: CommittedUpdate): void {
    this.#deps.snapshotKeeper.count(payload.length);
    this.#projection.request();
    const frame = updateFrame(payload);
    for (const connection of this.#connections) {
      if (connection !== author) connection.send(frame);
    }
  }

  #removePresence(connection: Connection): void {
    const entries = this.#awareness.remove(connection);
    if (entries.length > 0) this.#announce({ entries, toPublisherToo: false }, connection);
  }

  #announce({ entries, toPublisherToo }: Announcement, publisher: Connection | undefined): void {
    const frame = awarenessFrame(entries);
    for (const connection of this.#connections) {
      if (toPublisherToo || connection !== publisher) connection.sendPresence(frame);
    }
    this.#tell(this.#presence, undefined);
  }

  /** A listener's error is its own: the document goes on. */
  #tell<Event>(listeners: ReadonlySet<(event: Event) => void>, event: Event): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#deps.logger.error({ err: error }, "a listener of a room failed");
      }
    }
  }

  #reportIdle(): void {
    if (!this.isInUse && this.#alive) this.#deps.onIdle();
  }
}

function subscribe<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
