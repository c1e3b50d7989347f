import * as decoding from "lib0/decoding";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { messageTypes, syncMessageTypes } from "#shared/sync-protocol.ts";
import { step1Frame, step2Frame, updateFrame } from "../../server/sync/frames.ts";

/**
 * A client that speaks as y-websocket does and counts as ours does, with every step in the test's
 * hands: it connects and drops when told, and it remembers what it saw and what was acknowledged.
 */
export class FrugalTab {
  readonly account: string;
  doc: Y.Doc;
  /** Every update that came from the server. */
  readonly seen: Uint8Array[] = [];
  /** Every update of its own that the server said was saved. */
  readonly acknowledged: Uint8Array[] = [];
  /** Codes that ended a connection, in order. */
  readonly closeCodes: number[] = [];
  #webSocket: WebSocket | undefined;
  #sent: Uint8Array[] = [];
  #saved = 0;
  #synced = false;

  constructor(account: string, doc = new Y.Doc()) {
    this.account = account;
    this.doc = doc;
    this.#watch(doc);
  }

  get body(): Y.Text {
    return this.doc.getText("body");
  }

  get isConnected(): boolean {
    return this.#webSocket !== undefined;
  }

  /** It has what the server had when it connected. */
  get isSynced(): boolean {
    return this.#synced;
  }

  /** Everything it sent over this connection is acknowledged. */
  get isSaved(): boolean {
    return this.#saved === this.#sent.length;
  }

  connect(url: string, documentId: string): void {
    if (this.#webSocket !== undefined) return;
    const webSocket = new WebSocket(`${url}/${documentId}?as=${this.account}&ack=1`);
    this.#webSocket = webSocket;
    this.#sent = [];
    this.#saved = 0;
    this.#synced = false;
    webSocket.on("open", () => webSocket.send(step1Frame(Y.encodeStateVector(this.doc))));
    webSocket.on("message", (data: Buffer) => {
      if (this.#webSocket === webSocket) this.#onFrame(new Uint8Array(data));
    });
    webSocket.on("error", () => webSocket.terminate());
    webSocket.on("close", (code) => {
      if (this.#webSocket !== webSocket) return;
      this.#webSocket = undefined;
      this.closeCodes.push(code);
    });
  }

  /** Cuts the line as a network does. */
  drop(): void {
    const webSocket = this.#webSocket;
    this.#webSocket = undefined;
    webSocket?.terminate();
  }

  /** Reloads the page: a new Y.Doc with a new client id, filled from the offline copy or empty. */
  reload(keepCopy: boolean): void {
    this.drop();
    const copy = Y.encodeStateAsUpdate(this.doc);
    this.doc.destroy();
    this.doc = new Y.Doc();
    if (keepCopy) Y.applyUpdate(this.doc, copy, "copy");
    this.#watch(this.doc);
  }

  #watch(doc: Y.Doc): void {
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== this) this.#sendCounted(updateFrame(update), update);
    });
  }

  #sendCounted(frame: Uint8Array, update: Uint8Array): void {
    if (this.#webSocket?.readyState !== WebSocket.OPEN) return;
    this.#webSocket.send(frame);
    this.#sent.push(update);
  }

  #onFrame(bytes: Uint8Array): void {
    const decoder = decoding.createDecoder(bytes);
    const type = decoding.readVarUint(decoder);
    if (type === messageTypes.saved) this.#onSaved(decoding.readVarUint(decoder));
    if (type !== messageTypes.sync) return;
    const kind = decoding.readVarUint(decoder);
    const payload = decoding.readVarUint8Array(decoder);
    if (kind === syncMessageTypes.step1) {
      const update = Y.encodeStateAsUpdate(this.doc, payload);
      this.#sendCounted(step2Frame(update), update);
      return;
    }
    this.seen.push(payload.slice());
    Y.applyUpdate(this.doc, payload, this);
    if (kind === syncMessageTypes.step2) this.#synced = true;
  }

  #onSaved(count: number): void {
    this.acknowledged.push(...this.#sent.slice(this.#saved, count));
    this.#saved = count;
  }
}
