import { EventEmitter } from "node:events";
import type { WebSocket } from "ws";
import { step1Frame } from "../../server/sync/frames.ts";
import type { SyncServer } from "./sync-server.ts";

/** The server's end of a connection, with an attacker's hand where the wire would be. */
export class SiegeLine extends EventEmitter {
  readonly account: string;
  readonly OPEN = 1;
  readyState = 1;
  readonly bufferedAmount = 0;
  /** What it was closed with. */
  closeCode: number | undefined;
  readonly #answered: Promise<void>;
  #hear: () => void = () => undefined;

  readonly #onFrame: (frame: Uint8Array) => void;

  constructor(
    server: SyncServer,
    documentId: string,
    account: string,
    onFrame: (frame: Uint8Array) => void = () => undefined,
  ) {
    super();
    this.#onFrame = onFrame;
    this.account = account;
    this.#answered = new Promise((resolve) => {
      this.#hear = resolve;
    });
    // What a connection uses of a WebSocket is all here.
    const webSocket = this as unknown as WebSocket;
    const session = { accountId: account, sessionId: account };
    server.sync.accept(webSocket, { documentId, session, acknowledge: true });
    this.deliver(step1Frame(Uint8Array.of(0)));
  }

  /** The first answer has come, or the end. */
  async joined(): Promise<void> {
    await this.#answered;
  }

  get isClosed(): boolean {
    return this.closeCode !== undefined;
  }

  deliver(bytes: Uint8Array): void {
    if (!this.isClosed) this.emit("message", Buffer.from(bytes), true);
  }

  send(frame: Uint8Array, sent?: () => void): void {
    this.#hear();
    this.#onFrame(frame);
    sent?.();
  }

  close(code: number): void {
    if (this.isClosed) return;
    this.closeCode = code;
    this.readyState = 3;
    this.#hear();
    this.emit("close");
  }

  terminate(): void {
    this.close(1006);
  }

  ping(): void {
    this.emit("pong");
  }

  pause(): void {}
  resume(): void {}
}
