import { io, type Socket } from "socket.io-client";
import type { ClientToServerEvents, ServerToClientEvents } from "#shared/socket-events.ts";

export type LiveSocket = Socket<ServerToClientEvents, ClientToServerEvents>;

/** Opens the page's one Socket.IO connection; it reconnects by itself until it is closed. */
export function openLiveSocket(): LiveSocket {
  return io({
    transports: ["websocket"],
    forceNew: true,
    reconnectionDelay: 250,
    reconnectionDelayMax: 5_000,
  });
}
