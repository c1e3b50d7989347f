import type { AllowanceLimits } from "./allowance.ts";

/** What is counted at open connections; Socket.IO and sync each count their own. */
export interface SocketLimits {
  connectionsOfAccount: number;
  connectionsFromAddress: number;
  /** Of one Socket.IO connection. */
  events: AllowanceLimits;
  /** Events beyond that, which are answered `too_many`; more end the connection. */
  refusedEvents: AllowanceLimits;
}

/** A tab takes one connection of each kind; hundreds of people may share an address. */
export const socketLimits: SocketLimits = {
  connectionsOfAccount: 500,
  connectionsFromAddress: 3_000,
  events: { most: 600, perSecond: 60 },
  refusedEvents: { most: 2_000, perSecond: 100 },
};
