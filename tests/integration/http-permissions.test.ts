import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DocumentSummary, User, Version } from "#shared/http.ts";
import {
  type AccountRole,
  canSeeDocument,
  type DocumentAction,
  type DocumentRole,
  mayGlobally,
  mayOnDocument,
} from "#shared/permissions.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { Person } from "../support/person.ts";

interface Standing {
  who: string;
  email: string;
  accountRole: AccountRole;
  documentRole: DocumentRole | null;
}

const standings: Standing[] = [
  { who: "the owner", email: "sponsor@demo.test", accountRole: "sponsor", documentRole: "owner" },
  { who: "an editor", email: "editor@demo.test", accountRole: "editor", documentRole: "editor" },
  { who: "a watcher", email: "editor@demo.test", accountRole: "editor", documentRole: "watcher" },
  { who: "nobody on it", email: "editor@demo.test", accountRole: "editor", documentRole: null },
  {
    who: "another sponsor",
    email: "sponsor2@demo.test",
    accountRole: "sponsor",
    documentRole: null,
  },
  {
    who: "another sponsor as editor",
    email: "sponsor2@demo.test",
    accountRole: "sponsor",
    documentRole: "editor",
  },
  { who: "an admin", email: "admin@demo.test", accountRole: "admin", documentRole: null },
];

interface Route {
  action: DocumentAction;
  method: string;
  path: (context: { version: string; userId: string }) => string;
  body?: unknown;
}

/** Every HTTP route on a document, with the line of the table that decides on it. */
const routes: Route[] = [
  { action: "read", method: "GET", path: () => "" },
  { action: "read", method: "GET", path: () => "/text" },
  { action: "read", method: "GET", path: () => "/runs" },
  { action: "read", method: "GET", path: () => "/versions" },
  { action: "read", method: "GET", path: ({ version }) => `/versions/${version}/text` },
  { action: "write", method: "PATCH", path: () => "", body: { title: "New" } },
  { action: "archive", method: "PATCH", path: () => "", body: { archived: false } },
  { action: "changeSettings", method: "PATCH", path: () => "", body: { editorsMayRun: true } },
  { action: "assign", method: "GET", path: () => "/assignments" },
  {
    action: "assign",
    method: "PUT",
    path: () => "/assignments",
    body: { email: "admin@demo.test", role: "watcher" },
  },
  { action: "write", method: "POST", path: () => "/versions", body: { label: "Mine" } },
  {
    action: "restoreVersion",
    method: "POST",
    path: ({ version }) => `/versions/${version}/restore`,
  },
  // Last: it takes off whoever asks, if he may.
  { action: "assign", method: "DELETE", path: ({ userId }) => `/assignments/${userId}` },
];

/** What the table in `shared/permissions.ts` makes of it. */
function expectedStatus({ accountRole, documentRole }: Standing, route: Route): number {
  const where = { accountRole, documentRole, editorsMayRun: false, archived: false };
  if (!canSeeDocument(where)) return 404;
  if (!mayOnDocument(where, route.action)) return 403;
  // The owner may unassign, but not himself.
  if (route.method === "DELETE") return 409;
  return route.method === "POST" && route.action === "write" ? 201 : 200;
}

let app: TestApp;
let owner: Person;
beforeAll(async () => {
  app = await startTestApp();
  owner = await app.signIn("sponsor@demo.test");
});
afterAll(() => app.close());

describe.each(standings)("A1 A2: $who ($accountRole)", (standing) => {
  const { email, accountRole, documentRole } = standing;
  let person: Person;
  let id: string;
  let context: { version: string; userId: string };

  beforeAll(async () => {
    person = await app.signIn(email);
    const { document } = await owner.json<{ document: DocumentSummary }>("POST", "/api/documents", {
      title: "T",
      body: "Text.",
    });
    id = document.id;
    const path = `/api/documents/${id}`;
    if (documentRole === "editor" || documentRole === "watcher")
      await owner.json("PUT", `${path}/assignments`, { email, role: documentRole });
    const { version } = await owner.json<{ version: Version }>("POST", `${path}/versions`, {
      label: "V",
    });
    const { user } = await person.json<{ user: User }>("GET", "/api/me");
    context = { version: version.id, userId: user.id };
  });

  test.each(routes)("$method $action $body", async ({ action, method, path, body }) => {
    const answer = await person.request(method, `/api/documents/${id}${path(context)}`, body);
    expect(answer.status).toBe(expectedStatus(standing, { action, method, path, body }));
  });

  test("creates documents if the table says so", async () => {
    const answer = await person.request("POST", "/api/documents", { title: "Mine" });
    expect(answer.status).toBe(mayGlobally(accountRole, "createDocument") ? 201 : 403);
  });
});
