import type { Quota } from "#shared/admin.ts";
import type { Config } from "../config.ts";
import { type ThrottleLimits, throttleLimits } from "../http/throttle-limits.ts";
import { demonstrationQuota, installationQuota } from "../quotas/built-in.ts";
import { type SocketLimits, socketLimits } from "../sockets/socket-limits.ts";

/** What one server lets through; tests give their own. */
export interface Limits {
  http: ThrottleLimits;
  sockets: SocketLimits;
  /** Until an admin sets another default. */
  quota: Quota;
}

/** What a server has where nobody says otherwise. */
export function standardLimits({ demonstration }: Pick<Config, "demonstration">): Limits {
  return {
    http: throttleLimits,
    sockets: socketLimits,
    quota: demonstration ? demonstrationQuota : installationQuota,
  };
}
