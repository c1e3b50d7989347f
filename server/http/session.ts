import type { Actor } from "#shared/permissions.ts";

/** A signed-in account, as every edge sees it. */
export interface Session {
  /** sha256 of the token, hex; the token itself is never passed on. */
  id: string;
  actor: Actor;
  email: string;
  /** Of the account when the session was looked up. */
  accessEpoch: number;
}

/** Finds the session of a Cookie header; undefined when there is none that is valid. */
export type Authenticate = (cookieHeader: string | undefined) => Promise<Session | undefined>;
