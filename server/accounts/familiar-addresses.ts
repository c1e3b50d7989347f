import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import { addressKey } from "../http/address-key.ts";
import type { IsFamiliar } from "../http/sign-in-throttle.ts";

/** So long an address from which somebody signed in counts as his. */
const familiarMs = 90 * 24 * 60 * 60 * 1000;

/** Reads from the audit log, which outlives sessions and restarts, where an account signs in. */
export function createFamiliarAddresses({ kysely }: Database): IsFamiliar {
  return async (email, address) => {
    const rows = await kysely
      .selectFrom("users")
      .innerJoin("audit_events", "audit_events.actor_id", "users.id")
      .select("audit_events.address")
      .distinct()
      .where(sql<string>`lower(users.email)`, "=", email.trim().toLowerCase())
      .where("audit_events.action", "=", "session.signed_in")
      .where("audit_events.created_at", ">", new Date(Date.now() - familiarMs))
      .execute();
    const key = addressKey(address);
    return rows.some((row) => row.address !== null && addressKey(row.address) === key);
  };
}
