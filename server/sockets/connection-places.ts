import type { IncomingMessage } from "node:http";
import { addressKey } from "../http/address-key.ts";
import type { ReadAddress } from "../http/sender.ts";
import type { AppServer, AppSocket } from "./connection.ts";
import { createPlaces } from "./places.ts";
import { refusal } from "./refusal.ts";
import type { SocketLimits } from "./socket-limits.ts";

interface ConnectionPlacesOptions {
  readAddress: ReadAddress;
  limits: SocketLimits;
}

/** How soon a client may see whether another tab was closed. */
const retryAfterMs = 10_000;

/**
 * Holds Socket.IO connections to so many an address, signed in or not, and so many an account. It goes
 * behind the middleware that finds the session.
 */
export function limitConnections(server: AppServer, options: ConnectionPlacesOptions): void {
  const { readAddress, limits } = options;
  const ofAddress = createPlaces(limits.connectionsFromAddress);
  const ofAccount = createPlaces(limits.connectionsOfAccount);

  server.engine.on("connection", (line: Line) => {
    const leave = ofAddress.take(addressKey(readAddress(line.request)));
    // The client tries again by itself.
    if (leave === undefined) line.close();
    else line.once("close", leave);
  });

  server.use((socket: AppSocket, next) => {
    if (socket.conn.readyState !== "open") return next(refusal("unavailable", "It is closed."));
    const leave = ofAccount.take(socket.data.session.actor.id);
    if (leave === undefined) return next(refusal("too_many", tooManyTabs, { retryAfterMs }));
    socket.conn.once("close", leave);
    next();
  });
}

const tooManyTabs = "Palimpsest is open in too many tabs. Close some of them.";

/** What we use of an engine's connection, which Socket.IO's types leave open. */
interface Line {
  request: IncomingMessage;
  close(): void;
  once(event: "close", listener: () => void): void;
}
