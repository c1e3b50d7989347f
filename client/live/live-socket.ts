import { io, type Socket } from "socket.io-client";
import type { ClientToServerEvents, ServerToClientEvents } from "#shared/socket-events.ts";

export type LiveSocket = Socket<ServerToClientEvents, ClientToServerEvents>;

/** A Socket.IO connection, not yet opened; once opened it reconnects by itself. */
export function createLiveSocket(): LiveSocket {
  return io({
    autoConnect: false,
    transports: ["websocket"],
    forceNew: true,
    reconnectionDelay: 250,
    reconnectionDelayMax: 5_000,
  });
}
