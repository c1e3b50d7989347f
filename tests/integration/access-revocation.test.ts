import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { DocumentSummary, User } from "#shared/http.ts";
import type { Run } from "#shared/run.ts";
import { createAccountDecisions } from "../../server/accounts/account-decisions.ts";
import { createAccountList } from "../../server/accounts/account-list.ts";
import { createAuditLog } from "../../server/audit/audit-log.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { createMailService } from "../../server/mail/mail-service.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type LiveSocket, type OpenCopy, type Person, whenText } from "../support/person.ts";
import { silent } from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { changeRole } from "../support/sync-server.ts";

/** On Postgres, so that a second connection can change what the server is not told of. */
let postgres: PostgresServer;
let database: Database;
let app: TestApp;
let admin: Person;
let sponsor: Person;
let ada: User;
let sofia: User;
let edith: User;
const closers: (() => void)[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  const databaseUrl = await postgres.createDatabase("revocation");
  app = await startTestApp({ config: { databaseUrl, demonstration: true } });
  database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
  admin = await app.signIn("admin@demo.test");
  sponsor = await app.signIn("sponsor@demo.test");
  ada = await userOf(admin);
  sofia = await userOf(sponsor);
  edith = await userOf(await app.signIn("editor@demo.test"));
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  // Whatever a test did to them, the next one finds everybody in.
  for (const { id } of [sofia, edith]) {
    const path = `/api/admin/users/${id}`;
    const { user } = await admin.json<{ user: { status: string } }>("PATCH", path, {
      role: id === sofia.id ? "sponsor" : "editor",
    });
    if (user.status !== "active") await admin.json("POST", `${path}/reinstate`, {});
  }
  sponsor = await app.signIn("sponsor@demo.test");
});
afterAll(async () => {
  await app?.close();
  await database?.close();
  await postgres?.remove();
});

async function userOf(person: Person): Promise<User> {
  return (await person.json<{ user: User }>("GET", "/api/me")).user;
}

/** Somebody at a page with a document open: sync, Socket.IO and HTTP under one session. */
interface Desk {
  person: Person;
  copy: OpenCopy;
  socket: LiveSocket;
  /** What befell the connections, in order. */
  happened: string[];
  /** The code that ended sync for good. */
  syncClosed: Promise<number>;
  disconnected: Promise<string>;
}

const firstText = "Once upon a time there was a mill by the river.";

async function newDocument(role?: "editor" | "watcher"): Promise<string> {
  const { document } = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body: firstText,
  });
  if (role !== undefined)
    await sponsor.json("PUT", `/api/documents/${document.id}/assignments`, {
      email: edith.email,
      role,
    });
  return document.id;
}

async function sitDown(person: Person, documentId: string): Promise<Desk> {
  const happened: string[] = [];
  const copy = person.open(documentId);
  const socket = person.socket();
  closers.push(
    () => copy.close(),
    () => socket.close(),
  );
  const syncClosed = new Promise<number>((resolve) => {
    copy.provider.on("closed", ({ code }) => {
      happened.push(`sync ${code}`);
      resolve(code);
    });
  });
  socket.on("account:ended", ({ status, reason }) => happened.push(`${status}: ${reason}`));
  socket.on("document:access", ({ role }) => happened.push(`role ${role}`));
  const disconnected = new Promise<string>((resolve) => {
    socket.on("disconnect", (reason) => {
      happened.push("disconnected");
      resolve(reason);
    });
  });
  await whenText(copy, (text) => text !== "");
  expect(await socket.emitWithAck("document:join", { documentId })).toMatchObject({ ok: true });
  return { person, copy, socket, happened, syncClosed, disconnected };
}

async function editorAt(documentId: string): Promise<Desk> {
  return sitDown(await app.signIn(edith.email), documentId);
}

/** Types once the right is gone; what is stored afterwards tells whether it slipped through. */
async function expectNothingWritten({ copy }: Desk, documentId: string): Promise<void> {
  copy.body.insert(0, "SLIPPED THROUGH ");
  expect(await storedText(documentId)).toBe(firstText);
}

async function storedText(documentId: string): Promise<string> {
  return (await sponsor.request("GET", `/api/documents/${documentId}/text`)).text();
}

const path = (user: User) => `/api/admin/users/${user.id}`;

test("A13 S8: a suspended editor is told why, then everything of his is closed, within a second", async () => {
  const documentId = await newDocument("editor");
  const desks = [await editorAt(documentId), await editorAt(documentId)];
  const since = performance.now();
  await admin.json("POST", `${path(edith)}/suspend`, { reason: "A long holiday" });
  const answered = performance.now() - since;
  for (const desk of desks) {
    expect((await desk.person.request("GET", "/api/me")).status).toBe(401);
    await expectNothingWritten(desk, documentId);
    expect(await desk.syncClosed).toBe(4401);
    expect(await desk.disconnected).toBe("io server disconnect");
    const told = desk.happened.filter((event) => !event.startsWith("sync"));
    expect(told).toEqual(["suspended: A long holiday", "disconnected"]);
  }
  const everything = performance.now() - since;
  process.stdout.write(
    `suspension: answered ${answered.toFixed(0)} ms, all ${everything.toFixed(0)} ms\n`,
  );
  expect(await storedText(documentId)).toBe(firstText);
});

test("A13: sessions of before a suspension do not come back with the account", async () => {
  const person = await app.signIn(edith.email);
  await admin.json("POST", `${path(edith)}/suspend`, {});
  await admin.json("POST", `${path(edith)}/reinstate`, {});
  expect((await person.request("GET", "/api/me")).status).toBe(401);
  await app.signIn(edith.email);
});

test("A13 S8: rejected while connections are open, whatever let them in, they close", async () => {
  const documentId = await newDocument("editor");
  const desk = await editorAt(documentId);
  // No route makes an active account wait again.
  await database.kysely
    .updateTable("users")
    .set({ status: "pending" })
    .where("id", "=", edith.id)
    .execute();
  await admin.json("POST", `${path(edith)}/reject`, { reason: "Not you" });
  expect(await desk.syncClosed).toBe(4401);
  expect(await desk.disconnected).toBe("io server disconnect");
  expect(desk.happened).toContain("rejected: Not you");
  await expectNothingWritten(desk, documentId);
});

test("A13 S8: ended sessions close what was opened under them; a new one is let in", async () => {
  const documentId = await newDocument("editor");
  const desk = await editorAt(documentId);
  const ended = await admin.json<{ ended: number }>("POST", `${path(edith)}/end-sessions`, {});
  expect(ended.ended).toBeGreaterThan(0);
  expect((await desk.person.request("GET", "/api/me")).status).toBe(401);
  expect(await desk.syncClosed).toBe(4401);
  expect(await desk.disconnected).toBe("io server disconnect");
  await expectNothingWritten(desk, documentId);
  const again = await editorAt(documentId);
  again.copy.body.insert(0, "Again. ");
  await expect.poll(() => storedText(documentId)).toBe(`Again. ${firstText}`);
});

test("A13 S8: signing out closes what this session opened, and nothing of another", async () => {
  const documentId = await newDocument("editor");
  const [desk, other] = [await editorAt(documentId), await editorAt(documentId)];
  expect((await desk.person.request("POST", "/api/sign-out", {})).status).toBe(204);
  expect(await desk.syncClosed).toBe(4401);
  expect(await desk.disconnected).toBe("io server disconnect");
  await expectNothingWritten(desk, documentId);
  other.copy.body.insert(0, "Still here. ");
  await expect.poll(() => storedText(documentId)).toBe(`Still here. ${firstText}`);
  expect(other.happened).toEqual([]);
});

test("A13 S8: a session that its owner ends from elsewhere closes there", async () => {
  const documentId = await newDocument("editor");
  const [desk, other] = [await editorAt(documentId), await editorAt(documentId)];
  expect((await other.person.request("DELETE", "/api/account/sessions")).status).toBeLessThan(300);
  expect(await desk.syncClosed).toBe(4401);
  expect(await desk.disconnected).toBe("io server disconnect");
  await expectNothingWritten(desk, documentId);
  expect((await other.person.request("GET", "/api/me")).status).toBe(200);
  expect(other.happened).toEqual([]);
});

test("A13 S8: unassigned, he loses the document alone", async () => {
  const [documentId, kept] = [await newDocument("editor"), await newDocument("editor")];
  const person = await app.signIn(edith.email);
  const [desk, other] = [await sitDown(person, documentId), await sitDown(person, kept)];
  await sponsor.request("DELETE", `/api/documents/${documentId}/assignments/${edith.id}`);
  expect(await desk.syncClosed).toBe(4404);
  await expect.poll(() => desk.happened).toContain("role null");
  await expectNothingWritten(desk, documentId);
  other.copy.body.insert(0, "Kept. ");
  await expect.poll(() => storedText(kept)).toBe(`Kept. ${firstText}`);
  expect(other.happened).toEqual([]);
});

test("A13 S7: made a watcher, he reads on and writes nothing", async () => {
  const documentId = await newDocument("editor");
  const desk = await editorAt(documentId);
  await sponsor.json("PUT", `/api/documents/${documentId}/assignments`, {
    email: edith.email,
    role: "watcher",
  });
  await expect.poll(() => desk.happened).toContain("role watcher");
  await expectNothingWritten(desk, documentId);
  const owner = await sitDown(sponsor, documentId);
  owner.copy.body.insert(0, "Read this. ");
  await whenText(desk.copy, (text) => text.includes("Read this. "));
  expect(await storedText(documentId)).toBe(`Read this. ${firstText}`);
});

test("A12: another role counts at once, on open connections too, and closes none", async () => {
  const documentId = await newDocument("editor");
  const desk = await editorAt(documentId);
  const counts: number[] = [];
  desk.socket.on("admin:waiting", ({ count }) => counts.push(count));
  const create = () => desk.person.request("POST", "/api/documents", { title: "Mine" });
  expect((await create()).status).toBe(403);
  await admin.json("PATCH", path(edith), { role: "admin" });
  expect((await desk.person.request("GET", "/api/admin/users")).status).toBe(200);
  await expect.poll(() => counts.length).toBeGreaterThan(0);
  await admin.json("PATCH", path(edith), { role: "editor" });
  expect((await desk.person.request("GET", "/api/admin/users")).status).toBe(403);
  desk.copy.body.insert(0, "Still an editor. ");
  await expect.poll(() => storedText(documentId)).toBe(`Still an editor. ${firstText}`);
  expect(desk.happened.filter((event) => event !== "role editor")).toEqual([]);
});

interface Writing {
  documentId: string;
  watcher: Desk;
  states: Run[];
}

/** Sofia's run writes, and an editor looks on. */
async function letTheModelWrite(): Promise<Writing> {
  const documentId = await newDocument("editor");
  const watcher = await editorAt(documentId);
  const states: Run[] = [];
  watcher.socket.on("run:state", ({ run }) => states.push(run));
  const starting = sponsor.socket();
  closers.push(() => starting.close());
  const sampling = { maxTokens: null, seed: 7 };
  expect(await starting.emitWithAck("run:start", { documentId, sampling })).toMatchObject({
    ok: true,
  });
  await whenText(watcher.copy, (text) => text.length > firstText.length + 20);
  return { documentId, watcher, states };
}

test("A13: a suspended sponsor's run pauses, its text stays, and editors can stop it but not go on", async () => {
  const { documentId, watcher, states } = await letTheModelWrite();
  await admin.json("POST", `${path(sofia)}/suspend`, { reason: "Budget" });
  await expect.poll(() => states.at(-1)).toMatchObject({ state: "paused", reason: "access" });
  const command = { documentId };
  expect(await watcher.socket.emitWithAck("run:resume", command)).toMatchObject({
    ok: false,
    code: "forbidden",
    message: expect.stringContaining("Sofia"),
  });
  const written = watcher.copy.text();
  watcher.copy.body.insert(0, "We go on. ");
  const again = await sitDown(watcher.person, documentId);
  await whenText(again.copy, (now) => now === `We go on. ${written}`);
  await admin.json("POST", `${path(sofia)}/reinstate`, {});
  expect(await watcher.socket.emitWithAck("run:resume", command)).toMatchObject({
    ok: true,
    run: { state: "queued" },
  });
  await whenText(again.copy, (now) => now.length > written.length + 20);
  expect(await watcher.socket.emitWithAck("run:pause", command)).toMatchObject({ ok: true });
});

test("A12: a role change in mid-run is refused with what to do, or lets the run go on", async () => {
  const { documentId, watcher, states } = await letTheModelWrite();
  const refused = await admin.request("PATCH", path(sofia), { role: "editor" });
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({ error: { code: "owns_documents" } });
  await admin.json("PATCH", path(sofia), { role: "admin" });
  const before = watcher.copy.text().length;
  await whenText(watcher.copy, (text) => text.length > before + 20);
  expect(states.filter(({ state }) => state === "paused")).toEqual([]);
  await admin.json("PATCH", path(sofia), { role: "sponsor" });
  const stopping = sponsor.socket();
  closers.push(() => stopping.close());
  expect(await stopping.emitWithAck("run:stop", { documentId })).toMatchObject({ ok: true });
});

test("A12: documents that are made while their maker becomes an editor belong to no editor", async () => {
  for (let round = 0; round < 5; round++) {
    await database.kysely.deleteFrom("documents").where("owner_id", "=", sofia.id).execute();
    const answers = await Promise.all([
      ...Array.from({ length: 3 }, () => sponsor.request("POST", "/api/documents", { title: "T" })),
      admin.request("PATCH", path(sofia), { role: "editor" }),
    ]);
    const { role } = await userOf(sponsor);
    const owned = await database.kysely
      .selectFrom("documents")
      .select("id")
      .where("owner_id", "=", sofia.id)
      .execute();
    expect(owned).toHaveLength(answers.filter(({ status }) => status === 201).length);
    expect(role === "editor" && owned.length > 0).toBe(false);
    await admin.json("PATCH", path(sofia), { role: "sponsor" });
  }
});

/** The real decisions, and nobody is told of them. */
function unheard() {
  const by = {
    actor: { id: ada.id, name: ada.name, role: ada.role },
    sender: { address: "192.0.2.1", userAgent: null, requestId: null },
  };
  const decisions = createAccountDecisions({
    database,
    list: createAccountList(database),
    audit: createAuditLog(database),
    mail: createMailService({ database, smtp: undefined, logger: silent }),
    origin: app.url,
    onAccountChanged: async () => undefined,
    onQueueChanged: () => undefined,
  });
  return { decisions, by };
}

const lost: [string, number, (documentId: string) => Promise<unknown>][] = [
  ["a suspension", 4401, () => unheard().decisions.decide("suspend", edith.id, null, unheard().by)],
  ["ended sessions", 4401, () => unheard().decisions.endSessions(edith.id, unheard().by)],
  [
    "a sign-out",
    4401,
    () => database.kysely.deleteFrom("sessions").where("user_id", "=", edith.id).execute(),
  ],
  ["an unassignment", 4404, (documentId) => changeRole(database, documentId, edith.id, null)],
];

test.each(lost)(
  "A13 S8: %s that nobody was told of lets no write through: the commit looks itself",
  async (_what, code, change) => {
    const documentId = await newDocument("editor");
    const desk = await editorAt(documentId);
    await change(documentId);
    desk.copy.body.insert(0, "SLIPPED THROUGH ");
    expect(await desk.syncClosed).toBe(code);
    expect(await storedText(documentId)).toBe(firstText);
    const { count } = await database.kysely
      .selectFrom("document_updates")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("document_id", "=", documentId)
      .where("actor_id", "=", edith.id)
      .executeTakeFirstOrThrow();
    expect(count).toBe(0);
  },
);

test("A13: a run whose sponsor was suspended unheard is found and pauses", async () => {
  const { states } = await letTheModelWrite();
  await unheard().decisions.decide("suspend", sofia.id, null, unheard().by);
  await expect
    .poll(() => states.at(-1), { timeout: 30_000 })
    .toMatchObject({ state: "paused", reason: "access" });
});

test("A13 S7: a demotion that nobody was told of lets no write through, and leaves him reading", async () => {
  const documentId = await newDocument("editor");
  const desk = await editorAt(documentId);
  await changeRole(database, documentId, edith.id, "watcher");
  desk.copy.body.insert(0, "SLIPPED THROUGH ");
  const owner = await sitDown(sponsor, documentId);
  owner.copy.body.insert(0, "Read this. ");
  await whenText(desk.copy, (text) => text.includes("Read this. "));
  expect(await storedText(documentId)).toBe(`Read this. ${firstText}`);
});

test("S8: a role that changed unheard and still allows it holds no word up", async () => {
  const documentId = await newDocument("editor");
  const desk = await editorAt(documentId);
  await unheard().decisions.changeRole(edith.id, "sponsor", unheard().by);
  desk.copy.body.insert(0, "Mine. ");
  await expect.poll(() => storedText(documentId)).toBe(`Mine. ${firstText}`);
  expect(desk.happened).toEqual([]);
});
