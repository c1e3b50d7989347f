import { createHash } from "node:crypto";
import type { AccountRole } from "#shared/permissions.ts";
import type { Database } from "../database/database.ts";

/** However often it is used, a session ends this long after its sign-in. */
const absoluteLifetimeMs = 30 * 24 * 60 * 60 * 1000;

/** What a valid session tells of its account. */
export interface SessionUserAttributes {
  email: string;
  name: string;
  role: AccountRole;
  accessEpoch: number;
}

/** A session as lucia knows it: `id` is the token, which exists nowhere but in the cookie. */
export interface StoredSession {
  id: string;
  userId: string;
  expiresAt: Date;
  attributes: Record<never, never>;
}

/** The key of a session's row. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/**
 * Keeps lucia's sessions in our tables, under the hash of their token. A session of an account that
 * is not active does not exist, and none outlives its absolute lifetime.
 */
export function createSessionStore({ kysely }: Database) {
  return {
    async getSessionAndUser(
      token: string,
    ): Promise<[StoredSession, { id: string; attributes: SessionUserAttributes }] | [null, null]> {
      const row = await kysely
        .selectFrom("sessions")
        .innerJoin("users", "users.id", "sessions.user_id")
        .select([
          "sessions.created_at",
          "sessions.expires_at",
          "users.id",
          "users.email",
          "users.name",
          "users.role",
          "users.access_epoch",
        ])
        .where("sessions.token_hash", "=", hashToken(token))
        .where("users.status", "=", "active")
        .executeTakeFirst();
      if (row === undefined) return [null, null];
      const { email, name, role, access_epoch: accessEpoch } = row;
      return [
        {
          id: token,
          userId: row.id,
          expiresAt: earlier(row.expires_at, endOf(row.created_at)),
          attributes: {},
        },
        { id: row.id, attributes: { email, name, role, accessEpoch } },
      ];
    },

    /** Lucia's interface; nothing here lists sessions, whose tokens nobody knows. */
    async getUserSessions(): Promise<StoredSession[]> {
      return [];
    },

    async setSession({ id, userId, expiresAt }: StoredSession): Promise<void> {
      await kysely
        .insertInto("sessions")
        .values({ token_hash: hashToken(id), user_id: userId, expires_at: expiresAt })
        .execute();
    },

    async updateSessionExpiration(token: string, expiresAt: Date): Promise<void> {
      await kysely
        .updateTable("sessions")
        .set({ expires_at: expiresAt })
        .where("token_hash", "=", hashToken(token))
        .execute();
    },

    async deleteSession(token: string): Promise<void> {
      await kysely.deleteFrom("sessions").where("token_hash", "=", hashToken(token)).execute();
    },

    async deleteUserSessions(userId: string): Promise<void> {
      await kysely.deleteFrom("sessions").where("user_id", "=", userId).execute();
    },

    async deleteExpiredSessions(): Promise<void> {
      const now = Date.now();
      await kysely
        .deleteFrom("sessions")
        .where((where) =>
          where.or([
            where("expires_at", "<=", new Date(now)),
            where("created_at", "<=", new Date(now - absoluteLifetimeMs)),
          ]),
        )
        .execute();
    },
  };
}

function endOf(createdAt: Date): Date {
  return new Date(createdAt.getTime() + absoluteLifetimeMs);
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}
