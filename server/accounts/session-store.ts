import { createHash } from "node:crypto";
import type { Kysely } from "kysely";
import type { AccountRole } from "#shared/permissions.ts";
import type { Tables } from "../database/tables.ts";

/** However often it is used, a session ends this long after its sign-in. */
const absoluteLifetimeMs = 30 * 24 * 60 * 60 * 1000;
/** A session in use is marked as seen no more often. */
const seenEveryMs = 60_000;

/** What a valid session tells of its account. */
export interface SessionUserAttributes {
  email: string;
  name: string;
  role: AccountRole;
  accessEpoch: number;
  totp: boolean;
}

/** Where a session was begun. */
export interface SessionOrigin {
  address: string;
  userAgent: string | null;
}

/** A session as lucia knows it: `id` is the token, which exists nowhere but in the cookie. */
export interface StoredSession {
  id: string;
  userId: string;
  expiresAt: Date;
  attributes: Partial<SessionOrigin>;
}

/** The key of a session's row. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/**
 * Keeps lucia's sessions in our tables, under the hash of their token. A session of an account that
 * is not active does not exist, and none outlives its absolute lifetime.
 */
export function createSessionStore(kysely: Kysely<Tables>) {
  async function markSeen(tokenHash: string): Promise<void> {
    const now = Date.now();
    await kysely
      .updateTable("sessions")
      .set({ last_seen_at: new Date(now) })
      .where("token_hash", "=", tokenHash)
      .where("last_seen_at", "<=", new Date(now - seenEveryMs))
      .execute();
  }

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
          "sessions.last_seen_at",
          "users.id",
          "users.email",
          "users.name",
          "users.role",
          "users.access_epoch",
          "users.totp_secret",
        ])
        .where("sessions.token_hash", "=", hashToken(token))
        .where("users.status", "=", "active")
        .executeTakeFirst();
      if (row === undefined) return [null, null];
      if (Date.now() - row.last_seen_at.getTime() >= seenEveryMs) await markSeen(hashToken(token));
      const { email, name, role, access_epoch: accessEpoch } = row;
      const totp = row.totp_secret !== null;
      return [
        {
          id: token,
          userId: row.id,
          expiresAt: earlier(row.expires_at, endOf(row.created_at)),
          attributes: {},
        },
        { id: row.id, attributes: { email, name, role, accessEpoch, totp } },
      ];
    },

    /** Lucia's interface; nothing here lists sessions, whose tokens nobody knows. */
    async getUserSessions(): Promise<StoredSession[]> {
      return [];
    },

    async setSession({ id, userId, expiresAt, attributes }: StoredSession): Promise<void> {
      const { address = null, userAgent = null } = attributes;
      await kysely
        .insertInto("sessions")
        .values({
          token_hash: hashToken(id),
          user_id: userId,
          expires_at: expiresAt,
          address,
          user_agent: userAgent,
        })
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
      await kysely
        .deleteFrom("sessions")
        .where((where) =>
          where.or([
            where("expires_at", "<=", new Date()),
            where("created_at", "<=", oldestSession()),
          ]),
        )
        .execute();
    },
  };
}

/** Sessions begun before it have ended. */
export function oldestSession(): Date {
  return new Date(Date.now() - absoluteLifetimeMs);
}

function endOf(createdAt: Date): Date {
  return new Date(createdAt.getTime() + absoluteLifetimeMs);
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}
