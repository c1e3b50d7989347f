import type { Database } from "../database/database.ts";

/** Whether a session (by the hash of its token) is there and its account active. */
export type IsSessionAlive = (sessionId: string) => Promise<boolean>;

/** For connections that were opened under a session: expiry is left to those who look at cookies. */
export function createSessionCheck({ kysely }: Database): IsSessionAlive {
  return async (sessionId) => {
    const row = await kysely
      .selectFrom("sessions")
      .innerJoin("users", "users.id", "sessions.user_id")
      .select("sessions.id")
      .where("sessions.token_hash", "=", sessionId)
      .where("users.status", "=", "active")
      .executeTakeFirst();
    return row !== undefined;
  };
}
