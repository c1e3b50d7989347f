import type { Kysely } from "kysely";
import { Lucia, TimeSpan } from "lucia";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import type { Session } from "../http/session.ts";
import {
  createSessionStore,
  hashToken,
  type SessionOrigin,
  type SessionUserAttributes,
} from "./session-store.ts";

type OwnLucia = Lucia<Record<never, never>, SessionUserAttributes>;

declare module "lucia" {
  interface Register {
    Lucia: OwnLucia;
    DatabaseUserAttributes: SessionUserAttributes;
    DatabaseSessionAttributes: Partial<SessionOrigin>;
  }
}

export interface Sessions {
  /**
   * Makes a session with a token that nobody has seen before, whatever cookie came with the request.
   * `setCookie` is the value of the Set-Cookie header that carries it.
   */
  start(
    transaction: Kysely<Tables>,
    userId: string,
    origin: SessionOrigin,
  ): Promise<{ sessionId: string; setCookie: string }>;
  /** The valid session of a Cookie header; using it puts its end off. */
  find(cookieHeader: string | undefined): Promise<Session | undefined>;
  /** Ends the session of a Cookie header, if it is there. */
  end(
    transaction: Kysely<Tables>,
    cookieHeader: string | undefined,
  ): Promise<EndedSession | undefined>;
  /** The Set-Cookie header that removes the cookie. */
  readonly blankCookie: string;
  deleteExpired(): Promise<void>;
}

/** A session that was there until now. */
export interface EndedSession {
  /** sha256 of its token, hex. */
  sessionId: string;
  /** What people and the audit log call it. */
  publicId: string;
  accountId: string;
}

interface SessionsOptions {
  database: Database;
  /** Gives the cookie the `__Host-` name that only https can set. */
  secure: boolean;
  /** Whether an admin without a second factor has yet to set one up. */
  requireTotp: boolean;
}

/** A session not used for so long ends. */
const idleLifetime = new TimeSpan(14, "d");

/** Sessions in a cookie. */
export function createSessions({ database, secure, requireTotp }: SessionsOptions): Sessions {
  const { kysely } = database;
  const cookieName = secure ? "__Host-palimpsest" : "palimpsest";
  const luciaOn = (connection: Kysely<Tables>) => createLucia(connection, cookieName, secure);
  const lucia = luciaOn(kysely);
  return {
    async start(transaction, userId, { address, userAgent }) {
      const session = await luciaOn(transaction).createSession(userId, { address, userAgent });
      const setCookie = lucia.createSessionCookie(session.id).serialize();
      return { sessionId: hashToken(session.id), setCookie };
    },
    async find(cookieHeader) {
      const token = readCookie(cookieHeader, cookieName);
      if (token === undefined) return undefined;
      const { session, user } = await lucia.validateSession(token);
      if (session === null) return undefined;
      const { id, email, name, role, accessEpoch, totp } = user;
      const totpMissing = requireTotp && role === "admin" && !totp;
      const actor = { id, name, role, ...(totpMissing ? { totpMissing } : {}) };
      return { id: hashToken(token), actor, email, accessEpoch };
    },
    async end(transaction, cookieHeader) {
      const token = readCookie(cookieHeader, cookieName);
      if (token === undefined) return undefined;
      const sessionId = hashToken(token);
      await lockOwner(transaction, sessionId);
      return transaction
        .deleteFrom("sessions")
        .where("token_hash", "=", sessionId)
        .returning(["token_hash as sessionId", "id as publicId", "user_id as accountId"])
        .executeTakeFirst();
    },
    blankCookie: lucia.createBlankSessionCookie().serialize(),
    deleteExpired: () => lucia.deleteExpiredSessions(),
  };
}

/** The account before its sessions, as everyone locks them: else two that end some would deadlock. */
async function lockOwner(transaction: Kysely<Tables>, sessionId: string): Promise<void> {
  await transaction
    .selectFrom("users")
    .select("users.id")
    .where("users.id", "=", (sessions) =>
      sessions.selectFrom("sessions").select("user_id").where("token_hash", "=", sessionId),
    )
    .forUpdate()
    .execute();
}

function createLucia(connection: Kysely<Tables>, name: string, secure: boolean): OwnLucia {
  return new Lucia(createSessionStore(connection), {
    sessionExpiresIn: idleLifetime,
    sessionCookie: {
      name,
      // The server decides when a session ends; the cookie must not go before it.
      expires: false,
      attributes: { secure, sameSite: "lax", path: "/" },
    },
    getUserAttributes: (attributes) => attributes,
  });
}

/** Lucia's own reader throws on a cookie of another program that is not percent-encoded. */
function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? "").split(";")) {
    const separator = part.indexOf("=");
    if (separator > 0 && part.slice(0, separator).trim() === name) {
      const token = part.slice(separator + 1).trim();
      return /^[a-z0-9]{1,100}$/.test(token) ? token : undefined;
    }
  }
  return undefined;
}
