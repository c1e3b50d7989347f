import { type ThrottleLimits, throttleLimits } from "../http/throttle-limits.ts";

/** What one server lets through; tests give their own. */
export interface Limits {
  http: ThrottleLimits;
}

/** `changes` over what an installation has. */
export function limitsWith(changes: Partial<Limits>): Limits {
  return { http: throttleLimits, ...changes };
}
