import type { WebSocket } from "ws";
import { syncLimits } from "#shared/sync-protocol.ts";

/** What goes out over one socket, watched for readers that are too slow. */
export class Outbox {
  readonly #webSocket: WebSocket;
  readonly #onTooSlow: () => void;
  /** Bytes of whole documents on their way: a large one may fill the buffer alone. */
  #documentBytes = 0;
  #lastSentAt = Date.now();

  constructor(webSocket: WebSocket, onTooSlow: () => void) {
    this.#webSocket = webSocket;
    this.#onTooSlow = onTooSlow;
  }

  get lastSentAt(): number {
    return this.#lastSentAt;
  }

  send(frame: Uint8Array): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.send(frame);
    this.#lastSentAt = Date.now();
    if (this.#webSocket.bufferedAmount - this.#documentBytes > syncLimits.sendBufferBytes) {
      this.#onTooSlow();
    }
  }

  /**
   * An answer to step 1: it is as large as the document, and no sign of a slow reader. `onSent` is
   * told when it has left our memory.
   */
  sendDocument(frame: Uint8Array, onSent: () => void): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#documentBytes += frame.length;
    this.#lastSentAt = Date.now();
    this.#webSocket.send(frame, () => {
      this.#documentBytes -= frame.length;
      onSent();
    });
  }
}
