import type { ClientEvent } from "#shared/socket-events.ts";
import { anyAccount, onDocument, type Permission } from "../http/permission.ts";

/** What an event can ask of whoever sends it. */
export type EventPermission = Extract<Permission, { kind: "signedIn" | "document" }>;

/** What each event of a client asks for; one without does not compile. */
export const eventPermissions: { readonly [event in ClientEvent]: EventPermission } = {
  "document:join": onDocument("read"),
  // Whoever lost the document may leave it too.
  "document:leave": anyAccount,
  "run:start": onDocument("generate"),
  "run:pause": onDocument("steer"),
  "run:resume": onDocument("steer"),
  "run:stop": onDocument("stop"),
  "run:tune": onDocument("generate"),
};
