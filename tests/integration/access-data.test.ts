import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AdminDocument, AuditEvent } from "#shared/admin.ts";
import type { DocumentSummary, User } from "#shared/http.ts";
import { createConfirm } from "../../server/accounts/confirmation.ts";
import { hashPassword } from "../../server/accounts/passwords.ts";
import { createSecondFactor } from "../../server/accounts/second-factor.ts";
import { createAuditLog } from "../../server/audit/audit-log.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { createDeparture } from "../../server/documents/departure.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { demonstrationPassword, type Person, signIn, whenText } from "../support/person.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { addDocument } from "../support/sync-server.ts";

const password = demonstrationPassword;
const sender = { address: "127.0.0.1", userAgent: null, requestId: null };

async function addPerson(
  { kysely }: Database,
  role: "admin" | "sponsor" | "editor",
  name = "Pat",
): Promise<{ id: string; email: string }> {
  const id = randomBytes(6).toString("hex");
  const email = `${id}@data.test`;
  const password_hash = await hashPassword(password);
  await kysely
    .insertInto("users")
    .values({ id, email, name, role, status: "active", password_hash })
    .execute();
  return { id, email };
}

/** What SQL decides, on both databases. */
function describeDeparture(current: () => Database): void {
  let database: Database;
  beforeAll(() => {
    database = current();
  });

  function departureOf(ended: string[] = []) {
    const audit = createAuditLog(database);
    const secondFactor = createSecondFactor({ audit, now: Date.now });
    return createDeparture({
      audit,
      confirm: createConfirm({ database, secondFactor }),
      endRun: async () => undefined,
      onEveryonesAccessChanged: async () => undefined,
      onAccessChanged: async () => undefined,
      onSessionEnded: (sessionId) => ended.push(sessionId),
      onAccountChanged: async () => undefined,
    });
  }

  const sessionOf = (id: string, role: "admin" | "sponsor" | "editor" = "sponsor") => ({
    id: "session",
    actor: { id, name: "Pat", role },
    email: "",
    accessEpoch: 0,
  });

  test("A29: nothing of a person who left is in the tables but the row of a former member", async () => {
    const { id, email } = await addPerson(database, "sponsor", "Wilhelmina Unique");
    const { kysely } = database;
    const expires_at = new Date(Date.now() + 60_000);
    await kysely
      .updateTable("users")
      .set({ organisation: "Secret Society", reason: "Because" })
      .where("id", "=", id)
      .execute();
    await kysely
      .insertInto("sessions")
      .values({ token_hash: `hash-${id}`, user_id: id, expires_at })
      .execute();
    await kysely.insertInto("recovery_codes").values({ user_id: id, code_hash: "-" }).execute();
    await kysely
      .insertInto("password_resets")
      .values({ token_hash: `reset-${id}`, user_id: id, expires_at })
      .execute();
    await kysely
      .insertInto("mails")
      .values({ recipient: email.toUpperCase(), subject: "Hello", body: "Wilhelmina" })
      .execute();
    const ended: string[] = [];
    await departureOf(ended).leave(sessionOf(id), { password }, sender);

    expect(ended).toEqual([`hash-${id}`]);
    const row = await kysely
      .selectFrom("users")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({
      name: "A former member",
      organisation: null,
      reason: null,
      status: "suspended",
      totp_secret: null,
      deleted_at: expect.any(Date),
    });
    expect(row.email).not.toContain("@");
    for (const table of ["sessions", "recovery_codes", "password_resets"] as const) {
      const rows = await kysely.selectFrom(table).selectAll().where("user_id", "=", id).execute();
      expect(rows).toEqual([]);
    }
    const mails = await kysely.selectFrom("mails").select("recipient").execute();
    expect(mails.map(({ recipient }) => recipient.toLowerCase())).not.toContain(email);
    // The email is free: someone may ask to join with it.
    const values = { id: `${id}2`, email, name: "New", role: "editor", status: "pending" } as const;
    await kysely
      .insertInto("users")
      .values({ ...values, password_hash: "-" })
      .execute();
  });

  test("A29: without an heir documents rest and are purged after thirty days; with one they go on", async () => {
    const heir = await addPerson(database, "sponsor");
    const first = await addPerson(database, "sponsor");
    const second = await addPerson(database, "sponsor");
    await addDocument(database, `of-${first.id}`, { [first.id]: "owner", [heir.id]: "watcher" });
    await addDocument(database, `of-${second.id}`, { [second.id]: "owner", [heir.id]: "watcher" });
    await departureOf().leave(sessionOf(first.id), { password }, sender);
    const giveDocumentsTo = heir.email.toUpperCase();
    await departureOf().leave(sessionOf(second.id), { password, giveDocumentsTo }, sender);

    const resting = await documentRow(`of-${first.id}`);
    expect(resting.owner_id).toBe(first.id);
    expect(resting.archived_at).toBeInstanceOf(Date);
    const days = ((resting.purge_at?.getTime() ?? 0) - Date.now()) / (24 * 60 * 60 * 1000);
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
    const given = await documentRow(`of-${second.id}`);
    expect(given).toMatchObject({ owner_id: heir.id, archived_at: null, purge_at: null });
    const roles = await database.kysely
      .selectFrom("assignments")
      .select(["user_id", "role"])
      .where("document_id", "=", `of-${second.id}`)
      .execute();
    expect(roles).toEqual([{ user_id: heir.id, role: "owner" }]);
  });

  test("A29: a refused departure changes nothing", async () => {
    const { id, email } = await addPerson(database, "sponsor");
    const editor = await addPerson(database, "editor");
    await addDocument(database, `of-${id}`, { [id]: "owner" });
    for (const [input, code] of [
      [{ password: "not the password" }, "wrong_password"],
      [{ password, giveDocumentsTo: "nobody@data.test" }, "no_such_account"],
      [{ password, giveDocumentsTo: editor.email }, "not_a_sponsor"],
      [{ password, giveDocumentsTo: email }, "is_owner"],
    ] as const)
      await expect(departureOf().leave(sessionOf(id), input, sender)).rejects.toMatchObject({
        code,
      });
    expect(await documentRow(`of-${id}`)).toMatchObject({ owner_id: id, archived_at: null });
    const row = await database.kysely
      .selectFrom("users")
      .select(["email", "status", "deleted_at"])
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ email, status: "active", deleted_at: null });
  });

  test("A29: of all admins who leave at the same moment one has to stay", async () => {
    const admins = [1, 2, 3].map(() => addPerson(database, "admin"));
    const ids = (await Promise.all(admins)).map(({ id }) => id);
    const results = await Promise.allSettled(
      ids.map((id) => departureOf().leave(sessionOf(id, "admin"), { password }, sender)),
    );
    const refused = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason as { code?: unknown }] : [],
    );
    expect(refused.map(({ code }) => code)).toEqual(["last_admin"]);
    const left = await database.kysely
      .selectFrom("users")
      .select("id")
      .where("role", "=", "admin")
      .where("status", "=", "active")
      .execute();
    expect(left).toHaveLength(1);
  });

  async function documentRow(id: string) {
    return database.kysely
      .selectFrom("documents")
      .select(["owner_id", "archived_at", "purge_at"])
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
  }
}

describe("on PGlite", () => {
  let opened: TestDatabase;
  beforeAll(async () => {
    opened = await openTestDatabase();
  });
  afterAll(() => opened.remove());
  describeDeparture(() => opened.database);
});

describe("on Postgres", () => {
  let server: PostgresServer;
  let database: Database;
  beforeAll(async () => {
    server = await startPostgres();
    const databaseUrl = await server.createDatabase("departures");
    database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
    await migrate(database, silent);
  });
  afterAll(async () => {
    await database.close();
    await server.remove();
  });
  describeDeparture(() => database);
});

describe("over HTTP", () => {
  let app: TestApp;
  let admin: Person;
  let sponsor: Person;
  let editor: Person;

  beforeEach(async () => {
    app = await startTestApp();
    admin = await app.signIn("admin@demo.test");
    sponsor = await app.signIn("sponsor@demo.test");
    editor = await app.signIn("editor@demo.test");
    return () => app.close();
  });

  async function create(title: string, body: string): Promise<string> {
    const input = { title, body };
    const { document } = await sponsor.json<{ document: DocumentSummary }>(
      "POST",
      "/api/documents",
      input,
    );
    return document.id;
  }

  test("A29: the export holds all that is one's own, of other people's documents only that one was there, and no secret", async () => {
    const id = await create("My essay", 'All of "my" text,\nin two lines 🜲');
    await sponsor.json("POST", `/api/documents/${id}/versions`, { label: "First draft" });
    await sponsor.json("PUT", `/api/documents/${id}/assignments`, {
      email: "editor@demo.test",
      role: "editor",
    });
    const copy = editor.open(id);
    try {
      await whenText(copy, (text) => text.startsWith("All of"));
      copy.body.insert(0, "By Edith. ");
      await expect
        .poll(async () => (await sponsor.request("GET", `/api/documents/${id}/text`)).text())
        .toContain("By Edith. ");
    } finally {
      copy.close();
    }

    const answer = await sponsor.request("GET", "/api/account/export");
    expect(answer.headers.get("content-disposition")).toMatch(
      /^attachment; filename="palimpsest-\d{4}-\d\d-\d\d\.json"$/,
    );
    const text = await answer.text();
    const own = JSON.parse(text) as Record<string, Record<string, unknown>[]>;
    expect(own.profile).toMatchObject({
      email: "sponsor@demo.test",
      name: "Sofia",
      role: "sponsor",
    });
    expect(own.sessions).toHaveLength(1);
    expect(own.documentsOwned).toMatchObject([
      { id, title: "My essay", text: 'By Edith. All of "my" text,\nin two lines 🜲' },
    ]);
    expect(JSON.stringify(own.documentsOwned?.[0]?.versions)).toContain("First draft");
    expect(own.documentsOfOthers).toEqual([]);
    const actions = own.events?.map(({ action }) => action);
    expect(actions).toContain("document.created");
    expect(actions?.[0]).toBe("account.exported");
    expect(text).not.toMatch(/argon2|password_hash|token_hash|totp_secret/);

    const hers = JSON.parse(
      await (await editor.request("GET", "/api/account/export")).text(),
    ) as Record<string, Record<string, unknown>[]>;
    expect(hers.documentsOwned).toEqual([]);
    expect(hers.documentsOfOthers).toMatchObject([{ id, title: "My essay", role: "editor" }]);
    expect(hers.documentsOfOthers?.[0]?.updatesWritten).toBeGreaterThan(0);
    expect(JSON.stringify(hers)).not.toContain("two lines");
  });

  test("A29: who leaves is out on open connections at once; the past keeps a former member", async () => {
    const id = await create("Left behind", "Words of Sofia");
    await sponsor.json("PUT", `/api/documents/${id}/assignments`, {
      email: "editor@demo.test",
      role: "editor",
    });
    const copy = sponsor.open(id);
    const socket = sponsor.socket();
    try {
      await whenText(copy, (text) => text !== "");
      await socket.timeout(10_000).emitWithAck("document:join", { documentId: id });
      const started = await socket
        .timeout(30_000)
        .emitWithAck("run:start", { documentId: id, sampling: { maxTokens: null } });
      expect(started).toMatchObject({ run: { state: "queued" } });
      const closed = new Promise<number>((resolve) =>
        copy.provider.on("closed", ({ code }) => resolve(code)),
      );
      const disconnected = new Promise((resolve) => socket.on("disconnect", resolve));
      const answer = await sponsor.request("DELETE", "/api/account", { password });
      expect(answer.status).toBe(204);
      expect(answer.headers.getSetCookie()[0]).toMatch(/^palimpsest=; .*Max-Age=0/);
      expect(answer.headers.get("clear-site-data")).toBe('"cache"');
      expect([4401, 4404]).toContain(await closed);
      await disconnected;
    } finally {
      socket.close();
      copy.close();
    }
    expect((await sponsor.request("GET", "/api/me")).status).toBe(401);
    await expect(signIn(app.url, "sponsor@demo.test")).rejects.toThrow("401");

    const { documents } = await admin.json<{ documents: AdminDocument[] }>(
      "GET",
      `/api/admin/documents?search=${id}`,
    );
    expect(documents[0]).toMatchObject({ owner: { name: "A former member" }, run: null });
    expect(documents[0]?.purgeAt).not.toBeNull();
    const { events } = await admin.json<{ events: AuditEvent[] }>(
      "GET",
      "/api/admin/audit?action=document.created",
    );
    expect(events[0]?.actor?.name).toBe("A former member");
    const seen = await editor.json<{ document: DocumentSummary }>("GET", `/api/documents/${id}`);
    expect(seen.document.archivedAt).not.toBeNull();

    // Given to someone, it is not purged.
    await admin.json("PUT", `/api/admin/documents/${id}/owner`, { email: "sponsor2@demo.test" });
    const heir = await app.signIn("sponsor2@demo.test");
    await heir.json("PATCH", `/api/documents/${id}`, { archived: false });
    const text = await heir.request("GET", `/api/documents/${id}/text`);
    expect(await text.text()).toContain("Words of Sofia");
    const after = await admin.json<{ documents: AdminDocument[] }>(
      "GET",
      `/api/admin/documents?search=${id}`,
    );
    expect(after.documents[0]).toMatchObject({ purgeAt: null, owner: { name: "Sam" } });
  });

  test("A29: what is due is purged when a server starts", async () => {
    const ids = [await create("Due", "words"), await create("Not due", "words")];
    const { dataDir } = app;
    await app.stop();
    const database = await openDatabase({ dataDir, logger: silent });
    await database.kysely
      .updateTable("documents")
      .set({ purge_at: new Date(Date.now() - 1) })
      .where("id", "=", ids[0] ?? "")
      .execute();
    await database.close();
    app = await startTestApp({ config: { dataDir } });
    const again = await app.signIn("sponsor@demo.test");
    const status = async (id: string | undefined) =>
      (await again.request("GET", `/api/documents/${id}`)).status;
    await expect.poll(() => status(ids[0])).toBe(404);
    expect(await status(ids[1])).toBe(200);
    expect((await again.json<{ user: User }>("GET", "/api/me")).user.name).toBe("Sofia");
  });

  test("A29: the only admin cannot leave", async () => {
    const answer = await admin.request("DELETE", "/api/account", { password });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ error: { code: "last_admin" } });
    expect((await admin.request("GET", "/api/me")).status).toBe(200);
  });
});
