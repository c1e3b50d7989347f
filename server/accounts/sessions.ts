import { Lucia, TimeSpan } from "lucia";
import type { Database } from "../database/database.ts";
import type { Session } from "../http/session.ts";
import { createSessionStore, hashToken, type SessionUserAttributes } from "./session-store.ts";

declare module "lucia" {
  interface Register {
    Lucia: Lucia<Record<never, never>, SessionUserAttributes>;
    DatabaseUserAttributes: SessionUserAttributes;
  }
}

export interface Sessions {
  /** Makes a session; `setCookie` is the value of the Set-Cookie header that carries its token. */
  start(userId: string): Promise<{ setCookie: string }>;
  /** The valid session of a Cookie header; using it puts its end off. */
  find(cookieHeader: string | undefined): Promise<Session | undefined>;
  /** Ends the session of a Cookie header; `setCookie` removes the cookie. */
  end(
    cookieHeader: string | undefined,
  ): Promise<{ sessionId: string | undefined; setCookie: string }>;
  deleteExpired(): Promise<void>;
}

/** A session not used for so long ends. */
const idleLifetime = new TimeSpan(14, "d");

/** Sessions in a cookie; `secure` gives it the `__Host-` name that only https can set. */
export function createSessions(options: { database: Database; secure: boolean }): Sessions {
  const cookieName = options.secure ? "__Host-palimpsest" : "palimpsest";
  const lucia = new Lucia(createSessionStore(options.database), {
    sessionExpiresIn: idleLifetime,
    sessionCookie: {
      name: cookieName,
      // The server decides when a session ends; the cookie must not go before it.
      expires: false,
      attributes: { secure: options.secure, sameSite: "lax", path: "/" },
    },
    getUserAttributes: (attributes) => attributes,
  });
  return {
    async start(userId) {
      const session = await lucia.createSession(userId, {});
      return { setCookie: lucia.createSessionCookie(session.id).serialize() };
    },
    async find(cookieHeader) {
      const token = readCookie(cookieHeader, cookieName);
      if (token === undefined) return undefined;
      const { session, user } = await lucia.validateSession(token);
      if (session === null) return undefined;
      const { id, email, name, role, accessEpoch } = user;
      return { id: hashToken(token), actor: { id, name, role }, email, accessEpoch };
    },
    async end(cookieHeader) {
      const token = readCookie(cookieHeader, cookieName);
      if (token !== undefined) await lucia.invalidateSession(token);
      return {
        sessionId: token === undefined ? undefined : hashToken(token),
        setCookie: lucia.createBlankSessionCookie().serialize(),
      };
    },
    deleteExpired: () => lucia.deleteExpiredSessions(),
  };
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
