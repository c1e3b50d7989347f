import * as decoding from "lib0/decoding";
import * as Y from "yjs";
import { messageTypes, syncMessageTypes } from "#shared/sync-protocol.ts";
import { step2Frame, updateFrame } from "../../server/sync/frames.ts";
import { SiegeLine } from "./siege-line.ts";
import type { SyncServer } from "./sync-server.ts";

/**
 * Somebody whose copy takes in what the server says only when told, so that each run of a seed
 * writes the same into the same text.
 */
export class SiegeVictim {
  readonly doc: Y.Doc;
  readonly #line: SiegeLine;
  readonly #inbox: Uint8Array[] = [];
  #sent = 0;
  #saved = 0;

  constructor(server: SyncServer, documentId: string, account: string, doc: Y.Doc) {
    this.doc = doc;
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== this) this.#send(updateFrame(update));
    });
    const onFrame = (frame: Uint8Array) => this.#inbox.push(frame.slice());
    this.#line = new SiegeLine(server, documentId, account, onFrame);
  }

  get body(): Y.Text {
    return this.doc.getText("body");
  }

  /** What waits to be taken in. */
  get waiting(): number {
    return this.#inbox.length;
  }

  /** Everything it sent is acknowledged. */
  get isSaved(): boolean {
    return this.#saved === this.#sent;
  }

  /** What ended its connection. */
  get closeCode(): number | undefined {
    return this.#line.closeCode;
  }

  joined(): Promise<void> {
    return this.#line.joined();
  }

  /** Takes in the oldest of what waits, so many frames. */
  takeIn(count: number): void {
    for (const frame of this.#inbox.splice(0, count)) this.#takeIn(frame);
  }

  drop(): void {
    this.#line.terminate();
  }

  #takeIn(frame: Uint8Array): void {
    const decoder = decoding.createDecoder(frame);
    const type = decoding.readVarUint(decoder);
    if (type === messageTypes.saved) this.#saved = decoding.readVarUint(decoder);
    if (type !== messageTypes.sync) return;
    const kind = decoding.readVarUint(decoder);
    const payload = decoding.readVarUint8Array(decoder);
    if (kind === syncMessageTypes.step1)
      this.#send(step2Frame(Y.encodeStateAsUpdate(this.doc, payload)));
    else Y.applyUpdate(this.doc, payload, this);
  }

  #send(frame: Uint8Array): void {
    this.#line.deliver(frame);
    this.#sent += 1;
  }
}
