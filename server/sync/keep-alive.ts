import { syncLimits } from "#shared/sync-protocol.ts";
import type { Connection } from "./connection.ts";
import type { Room } from "./room.ts";

/** Four looks an interval: nobody is quiet for much longer than it. */
const lookEveryMs = syncLimits.keepAliveMs / 4;

/**
 * Gives every quiet connection a sign of life, ends those that give none, and takes away the
 * carets of clients that stopped renewing them.
 */
export function startKeepAlive(watched: {
  connections: ReadonlySet<Connection>;
  rooms(): Promise<Room[]>;
}): { stop(): void } {
  async function look(): Promise<void> {
    const now = Date.now();
    for (const connection of watched.connections) connection.keepAlive(now);
    for (const room of await watched.rooms()) room.expirePresence(now);
  }
  // Neither step rejects: sends to a closed socket do nothing.
  const timer = setInterval(() => void look(), lookEveryMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
