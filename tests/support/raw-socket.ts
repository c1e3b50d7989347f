import { WebSocket } from "ws";

/** A socket that sends whatever bytes a test wants, and keeps what comes. */
export interface RawSocket {
  send(bytes: Uint8Array | string): void;
  /** Frames that came, oldest first. */
  readonly frames: Uint8Array[];
  /** The code it was closed with. */
  readonly closed: Promise<number>;
  readonly webSocket: WebSocket;
  close(): void;
}

export async function openRawSocket(url: string, cookie?: string): Promise<RawSocket> {
  const webSocket = new WebSocket(url, cookie === undefined ? {} : { headers: { cookie } });
  const frames: Uint8Array[] = [];
  webSocket.on("message", (data: Buffer) => frames.push(new Uint8Array(data)));
  const closed = new Promise<number>((resolve) => webSocket.on("close", resolve));
  await new Promise((resolve, reject) => {
    webSocket.on("open", resolve);
    webSocket.on("error", reject);
  });
  return {
    send: (bytes) => webSocket.send(bytes),
    frames,
    closed,
    webSocket,
    close: () => webSocket.terminate(),
  };
}
