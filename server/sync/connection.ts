import type { RawData, WebSocket } from "ws";
import { type CloseCode, closeCodes } from "#shared/close-codes.ts";
import { mayOnDocument } from "#shared/permissions.ts";
import { syncLimits } from "#shared/sync-protocol.ts";
import type { Logger } from "../observability/logger.ts";
import type { Publisher } from "./awareness.ts";
import type { Author } from "./document-queue.ts";
import { type FrameAction, framePermissions } from "./frame-permissions.ts";
import {
  type AwarenessEntry,
  type ClientFrame,
  decodeAwareness,
  decodeFrame,
  keepAliveFrame,
  savedFrame,
} from "./frames.ts";
import { updateLimits } from "./guard.ts";
import { type IncomingLimits, IncomingPace } from "./incoming-pace.ts";
import { Outbox } from "./outbox.ts";
import { PresencePace } from "./presence-pace.ts";
import type { Access } from "./types.ts";
import { scanUpdate } from "./update-scan.ts";

/** What a connection asks of its document. */
export interface ConnectedRoom {
  answerStep1(connection: Connection, stateVector: Uint8Array): void;
  receive(connection: Connection, update: Uint8Array): void;
  /** Whether it may show itself under the id: not its own are echoes of others. */
  mayShow(connection: Connection, clientId: number): boolean;
  publish(connection: Connection, entry: AwarenessEntry): "published" | "tooLarge" | "dropped";
  answerAwareness(connection: Connection): void;
  /** It may write from now on, or not any more. */
  accessChanged(connection: Connection): void;
  leave(connection: Connection): void;
}

type ConnectionState =
  /** Frames that came before its access and its document were there. */
  | { kind: "joining"; early: Uint8Array[]; earlyBytes: number; accessChanged: boolean }
  | { kind: "open"; room: ConnectedRoom; access: Access }
  /** Gone; what it sent before it left of itself may still be written under its access. */
  | { kind: "closed"; access: Access | undefined };

export interface ConnectionRequest {
  documentId: string;
  accountId: string;
  sessionId: string;
  /** Whether it asked for message 100. */
  acknowledge: boolean;
}

/** A watcher's own writes: a client that knows its role sends none. */
const watcherWrites = 3;
const closeTimeoutMs = 10_000;

/** One WebSocket on one document. */
export class Connection implements Author, Publisher {
  readonly request: ConnectionRequest;
  readonly #webSocket: WebSocket;
  readonly #outbox: Outbox;
  readonly #logger: Logger;
  #state: ConnectionState = { kind: "joining", early: [], earlyBytes: 0, accessChanged: false };
  #saved = 0;
  /** One of its step-2 or update frames was left out: from here on its count says nothing. */
  #hasDropped = false;
  #watcherWrites = 0;
  readonly #incoming: IncomingPace;
  readonly #presence = new PresencePace((entry) => this.#publish(entry));
  /** An answer to step 1 is on its way; of the steps 1 that come meanwhile the last is kept. */
  #step1: { next: Uint8Array | undefined } | undefined;
  #lastHeardAt = Date.now();

  constructor(
    webSocket: WebSocket,
    request: ConnectionRequest,
    { logger, incoming }: { logger: Logger; incoming: IncomingLimits },
  ) {
    this.request = request;
    this.#webSocket = webSocket;
    this.#logger = logger;
    this.#incoming = new IncomingPace({
      line: webSocket,
      limits: incoming,
      handle: (bytes) => this.#take(bytes),
      onTooMuch: () => this.close(closeCodes.overloaded, "more than the server takes"),
    });
    this.#outbox = new Outbox(webSocket, () =>
      this.close(closeCodes.overloaded, "the connection is too slow"),
    );
    webSocket.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    webSocket.on("pong", () => {
      this.#lastHeardAt = Date.now();
    });
    webSocket.on("close", () => this.#onClose());
  }

  get access(): Access | undefined {
    return this.#state.kind === "joining" ? undefined : this.#state.access;
  }

  get writeAccess(): Access | undefined {
    const { access } = this;
    return access !== undefined && mayAs(access, "write") ? access : undefined;
  }

  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** Whether its access has changed while it was being asked for; asking takes note of it. */
  takeAccessChanged(): boolean {
    if (this.#state.kind !== "joining") return false;
    const { accessChanged } = this.#state;
    this.#state.accessChanged = false;
    return accessChanged;
  }

  /** From here on its frames go to the room, those that wait first. */
  join(room: ConnectedRoom, access: Access): void {
    if (this.#state.kind !== "joining") return;
    const { early } = this.#state;
    this.#state = { kind: "open", room, access };
    for (const bytes of early) this.#receive(bytes);
  }

  /** What the account may do now; undefined ends the connection. */
  changeAccess(access: Access | undefined): void {
    if (this.#state.kind === "joining") {
      this.#state.accessChanged = true;
    } else if (this.#state.kind === "closed") {
      this.#state = { kind: "closed", access };
    } else if (access === undefined) {
      this.close(closeCodes.noSuchDocument, "not shared with you any more");
    } else if (this.#hasDropped && access.role !== "watcher") {
      this.close(closeCodes.reloading, "you may write again");
    } else {
      this.#state = { ...this.#state, access };
      this.#state.room.accessChanged(this);
    }
  }

  send(frame: Uint8Array): void {
    this.#outbox.send(frame);
  }

  /** What others show: clients send it back. */
  sendPresence(frame: Uint8Array): void {
    this.#incoming.expectEcho(frame.length);
    this.#outbox.send(frame);
  }

  sendDocument(frame: Uint8Array): void {
    this.#outbox.sendDocument(frame, () => this.#onDocumentSent());
  }

  acknowledge(frames: number): void {
    this.#saved += frames;
    if (this.request.acknowledge) this.send(savedFrame(this.#saved));
  }

  drop(): void {
    this.#hasDropped = true;
  }

  refuse(code: CloseCode, reason: string): void {
    this.#logger.info({ code, reason, accountId: this.request.accountId }, "update refused");
    this.close(code, reason);
  }

  /** Ends it at once: what it has sent and is not written yet is dropped. */
  close(code: CloseCode, reason: string): void {
    if (this.#state.kind === "closed") {
      this.#state = { kind: "closed", access: undefined };
      return;
    }
    this.#leave(undefined);
    closeWebSocket(this.#webSocket, code, reason);
  }

  /** Sends a sign of life to a quiet client, and gives up one that gives none. */
  keepAlive(now: number): void {
    if (this.#state.kind === "closed") return;
    if (now - this.#lastHeardAt > 3 * syncLimits.keepAliveMs) {
      this.#webSocket.terminate();
    } else if (now - this.#outbox.lastSentAt >= syncLimits.keepAliveMs) {
      this.send(keepAliveFrame);
      this.#webSocket.ping();
    }
  }

  #onClose(): void {
    this.#incoming.finish();
    if (this.#state.kind !== "closed") this.#leave(this.access);
  }

  #leave(access: Access | undefined): void {
    const state = this.#state;
    this.#state = { kind: "closed", access };
    this.#presence.stop();
    this.#incoming.stop();
    if (state.kind === "open") state.room.leave(this);
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#lastHeardAt = Date.now();
    if (!isBinary) return this.close(closeCodes.malformed, "not a binary frame");
    const bytes = toBytes(data);
    if (this.#state.kind !== "closed") this.#incoming.offer(bytes);
  }

  #take(bytes: Uint8Array): void {
    if (this.#state.kind === "open") return this.#receive(bytes);
    if (this.#state.kind !== "joining") return;
    this.#state.earlyBytes += bytes.length;
    const { early, earlyBytes } = this.#state;
    if (earlyBytes > syncLimits.frameBytes || early.length >= syncLimits.earlyFrames) {
      this.close(closeCodes.overloaded, "too much before the document was there");
    } else {
      early.push(bytes);
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state.kind !== "open") return;
    const frame = decodeFrame(bytes);
    if (frame === undefined) return this.close(closeCodes.malformed, "not a frame");
    const excess = excessOf(frame);
    if (excess !== undefined) return this.close(closeCodes.tooLarge, excess);
    const { room, access } = this.#state;
    if (mayAs(access, framePermissions[frame.kind])) this.#handle(frame, room);
    else this.#leaveOut(frame);
  }

  #handle(frame: ClientFrame, room: ConnectedRoom): void {
    switch (frame.kind) {
      case "step1":
        return this.#answerStep1(frame.stateVector, room);
      case "step2":
      case "update":
        return room.receive(this, frame.update);
      case "awareness":
        return this.#receiveAwareness(frame.payload, room);
      case "queryAwareness":
        return room.answerAwareness(this);
    }
  }

  /** A frame that its access does not allow. */
  #leaveOut(frame: ClientFrame): void {
    switch (frame.kind) {
      case "step2":
        return this.drop();
      case "update":
        return this.#dropWatcherWrite(frame.update);
      case "awareness":
        return;
      case "step1":
      case "queryAwareness":
        return this.close(closeCodes.noSuchDocument, "no such document");
    }
  }

  /** One answer at a time: each is as large as the document, and waits for a reader who may not read. */
  #answerStep1(stateVector: Uint8Array, room: ConnectedRoom): void {
    if (this.#step1 !== undefined) {
      this.#step1.next = stateVector;
      return;
    }
    this.#step1 = { next: undefined };
    room.answerStep1(this, stateVector);
  }

  #onDocumentSent(): void {
    const next = this.#step1?.next;
    this.#step1 = undefined;
    if (next !== undefined && this.#state.kind === "open") {
      this.#answerStep1(next, this.#state.room);
    }
  }

  /** Yjs cleans formatting up on passive peers too: frames that only delete do not count. */
  #dropWatcherWrite(update: Uint8Array): void {
    this.drop();
    if (isDeleteOnly(update)) return;
    this.#watcherWrites += 1;
    if (this.#watcherWrites >= watcherWrites) {
      this.close(closeCodes.readOnly, "you are watching this document");
    }
  }

  #receiveAwareness(payload: Uint8Array, room: ConnectedRoom): void {
    const entries = tryDecodeAwareness(payload);
    if (entries === undefined) return this.close(closeCodes.malformed, "not an awareness frame");
    for (const entry of entries) {
      if (room.mayShow(this, entry.clientId)) this.#presence.offer(entry);
    }
  }

  /** Whether it was published; echoes of others pass and are dropped. */
  #publish(entry: AwarenessEntry): boolean {
    if (this.#state.kind !== "open") return false;
    const outcome = this.#state.room.publish(this, entry);
    if (outcome === "tooLarge") {
      this.close(closeCodes.tooLarge, "an awareness state is too large");
    }
    return outcome === "published";
  }
}

/** Why a frame is refused for its size alone. */
function excessOf(frame: ClientFrame): string | undefined {
  switch (frame.kind) {
    case "step2":
      return frame.update.length > syncLimits.step2Bytes ? "a step 2 is too large" : undefined;
    case "update":
      return frame.update.length > syncLimits.updateBytes ? "an update is too large" : undefined;
    case "awareness":
      // An echo of everyone's state is larger than one's own may be.
      return frame.payload.length > syncLimits.updateBytes ? "awareness is too large" : undefined;
    case "step1":
      return frame.stateVector.length > syncLimits.stateVectorBytes
        ? "a state vector is too large"
        : undefined;
    case "queryAwareness":
      return undefined;
  }
}

/** What the table says of the role that the access gives: an archived document gives none to write. */
function mayAs({ role }: Access, action: FrameAction): boolean {
  // The account's own role gives nothing over sync, and an archived document's owner watches it.
  const standing = { accountRole: "editor", documentRole: role } as const;
  return mayOnDocument({ ...standing, editorsMayRun: false, archived: false }, action);
}

function isDeleteOnly(update: Uint8Array): boolean {
  try {
    return scanUpdate(update, updateLimits).structs === 0;
  } catch {
    return false;
  }
}

function tryDecodeAwareness(payload: Uint8Array): AwarenessEntry[] | undefined {
  try {
    return decodeAwareness(payload);
  } catch {
    return undefined;
  }
}

/** A Uint8Array of its own kind: lib0 reads Node's Buffers differently. */
function toBytes(data: RawData): Uint8Array {
  const buffer = Array.isArray(data) ? Buffer.concat(data) : data;
  return new Uint8Array(buffer);
}

/** Closes with a code, and cuts the line when the other side does not answer. */
export function closeWebSocket(webSocket: WebSocket, code: CloseCode, reason: string): void {
  webSocket.close(code, reason);
  const timer = setTimeout(() => webSocket.terminate(), closeTimeoutMs);
  timer.unref();
  webSocket.once("close", () => clearTimeout(timer));
}
