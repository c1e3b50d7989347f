import type { ListedRoute } from "../../server/http/route-list.ts";
import type { AttackDesk } from "./attack-desk.ts";
import type { Person } from "./person.ts";

/** A body that the route's schema takes as it stands, for every route that reads one. */
export const validBodies: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "POST /api/sign-up": {
    email: "new@attack.test",
    name: "New",
    password: "quiet morning rain",
    role: "editor",
  },
  "POST /api/sign-in": { email: "editor@demo.test", password: "not the password" },
  "POST /api/sign-out": {},
  "POST /api/password-resets": { email: "nobody@attack.test" },
  "POST /api/password-resets/use": { token: "none", password: "quiet morning rain" },
  "PATCH /api/account": { name: "Eddie" },
  "DELETE /api/account": { password: "not the password" },
  "POST /api/account/password": { current: "not the password", password: "quiet morning rain" },
  "POST /api/account/totp": { password: "not the password" },
  "PUT /api/account/totp": { code: "000000" },
  "DELETE /api/account/totp": { password: "not the password" },
  "POST /api/account/recovery-codes": { password: "not the password" },
  "POST /api/admin/users/approve": { ids: ["nobody"] },
  "POST /api/admin/users/reject": { ids: ["nobody"] },
  "POST /api/admin/users/:id/approve": {},
  "POST /api/admin/users/:id/reject": {},
  "POST /api/admin/users/:id/suspend": {},
  "POST /api/admin/users/:id/reinstate": {},
  "PATCH /api/admin/users/:id": { role: "sponsor" },
  "POST /api/admin/users/:id/end-sessions": {},
  "POST /api/admin/users/:id/reset-link": {},
  "PUT /api/admin/users/:id/quota": { tokensPerDay: 5, runsAtOnce: 5 },
  "PUT /api/admin/quotas/default": { tokensPerDay: 5, runsAtOnce: 5 },
  "POST /api/admin/documents/:id/end-run": {},
  "PUT /api/admin/documents/:id/owner": { email: "sponsor@demo.test" },
  "DELETE /api/admin/documents/:id": { title: "Another title" },
  "POST /api/admin/models": { name: "attacker/model" },
  "DELETE /api/admin/models/:id": {},
  "POST /api/admin/models/:id/default": {},
  "POST /api/admin/models/:id/verify": {},
  "POST /api/admin/models/jobs/:id/stop": {},
  "POST /api/admin/models/jobs/:id/resume": {},
  "POST /api/documents": { title: "Made" },
  "PATCH /api/documents/:id": { title: "Changed" },
  "POST /api/documents/:id/versions": { label: "Second" },
  "POST /api/documents/:id/versions/:version/restore": {},
  "PUT /api/documents/:id/assignments": { email: "editor@demo.test", role: "watcher" },
};

/** Routes that change something and take no body, so that whatever is sent with them is not read. */
export const bodiless: readonly string[] = [
  "DELETE /api/account/sessions",
  "DELETE /api/account/sessions/:id",
  "DELETE /api/admin/models/jobs/:id",
  "DELETE /api/admin/users/:id/quota",
  "DELETE /api/documents/:id/assignments/:userId",
];

/** `POST /api/documents`, and the like. */
export function nameOf({ method, path }: ListedRoute): string {
  return `${method} ${path}`;
}

/** Whoever is let in by the route, so that nothing but its input refuses the request. */
export function personFor(desk: AttackDesk, path: string): Person {
  if (path.startsWith("/api/admin/")) return desk.admin;
  return path.startsWith("/api/account") ? desk.editor : desk.sponsor;
}

/** The route's address with real ids, or with `id` in each place. */
export function addressOf(desk: AttackDesk, path: string, id?: string): string {
  return path.replace(/:(\w+)/g, (_match, name: string) => {
    if (id !== undefined) return encodeURIComponent(id);
    if (name === "version") return desk.versionId;
    return name === "userId" || path.startsWith("/api/admin/users")
      ? desk.editorId
      : desk.documentId;
  });
}

/** Sends a body that is already text, as JSON. */
export function sendText(
  desk: AttackDesk,
  route: { method: string; path: string },
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const { cookie } = personFor(desk, route.path);
  return fetch(`${desk.app.url}${addressOf(desk, route.path)}`, {
    method: route.method,
    headers: { cookie, origin: desk.app.url, "content-type": "application/json", ...headers },
    body,
  });
}
