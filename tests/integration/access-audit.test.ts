import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuditEvent } from "#shared/admin.ts";
import type { DocumentSummary, User } from "#shared/http.ts";
import { createAuditLog } from "../../server/audit/audit-log.ts";
import { createAuditReader } from "../../server/audit/audit-reader.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { Person } from "../support/person.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { addAccount } from "../support/sync-server.ts";

interface AuditPage {
  events: AuditEvent[];
  total: number;
}

describe("over HTTP", () => {
  let app: TestApp;
  let admin: Person;
  let sponsor: Person;
  let sponsorId: string;

  beforeAll(async () => {
    app = await startTestApp();
    admin = await app.signIn("admin@demo.test");
    sponsor = await app.signIn("sponsor@demo.test");
    sponsorId = (await sponsor.json<{ user: User }>("GET", "/api/me")).user.id;
  });
  afterAll(() => app.close());

  async function eventsOf(query: string): Promise<AuditPage> {
    return admin.json<AuditPage>("GET", `/api/admin/audit?${query}`);
  }

  async function create(title: string): Promise<DocumentSummary> {
    const { document } = await sponsor.json<{ document: DocumentSummary }>(
      "POST",
      "/api/documents",
      { title, body: "words" },
    );
    return document;
  }

  test("A25: creating, sharing, unsharing, archiving and restoring a document each leave one entry", async () => {
    const { id } = await create("Watched");
    const { assignment } = await sponsor.json<{ assignment: { userId: string } }>(
      "PUT",
      `/api/documents/${id}/assignments`,
      { email: "editor@demo.test", role: "editor" },
    );
    await sponsor.request("DELETE", `/api/documents/${id}/assignments/${assignment.userId}`);
    for (const archived of [true, true, false])
      await sponsor.json("PATCH", `/api/documents/${id}`, { archived });

    const { events, total } = await eventsOf(`search=${id}`);
    expect(total).toBe(5);
    expect(events.map(({ action }) => action)).toEqual([
      "document.restored",
      "document.archived",
      "document.unshared",
      "document.shared",
      "document.created",
    ]);
    for (const event of events) {
      expect(event.actor).toEqual({ id: sponsorId, name: "Sofia" });
      expect(event.target).toEqual({ kind: "document", id, name: "Watched" });
      expect(event.address).toMatch(/127\.0\.0\.1$/);
      expect(event.requestId).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(events[3]?.details).toEqual({ accountId: assignment.userId, role: "editor" });
  });

  test("A25: a refused change leaves no entry", async () => {
    const { id } = await create("Refused");
    const answer = await sponsor.request("PUT", `/api/documents/${id}/assignments`, {
      email: "sponsor@demo.test",
      role: "editor",
    });
    expect(answer.status).toBe(409);
    expect((await eventsOf(`search=${id}`)).total).toBe(1);
  });

  test("A25: the list filters by action, target and day, and searches letter by letter", async () => {
    await create("Per cent 100%_");
    const today = new Date().toISOString().slice(0, 10);
    expect((await eventsOf("search=100%25_")).total).toBe(1);
    expect((await eventsOf("search=%25%25")).total).toBe(0);
    for (const search of ["%00absent", "'%20or%201=1--", "%5C"])
      expect((await eventsOf(`search=x${search}`)).total).toBe(0);
    expect((await eventsOf("search=SOFIA&action=document.created")).total).toBeGreaterThan(0);
    expect((await eventsOf("action=document.purged")).total).toBe(0);
    expect((await eventsOf("target=quota")).total).toBe(0);
    expect((await eventsOf(`from=${today}&to=${today}&target=document`)).total).toBeGreaterThan(0);
    expect((await eventsOf("to=2001-01-01")).total).toBe(0);
    expect((await eventsOf("from=2999-01-01")).total).toBe(0);
  });

  test("A25: only admins read the log or take it away", async () => {
    for (const path of ["/api/admin/audit", "/api/admin/audit/export"])
      expect((await sponsor.request("GET", path)).status).toBe(403);
    for (const query of ["page=0", "page=x", "action=made.up", "from=yesterday", "unknown=1"])
      expect((await admin.request("GET", `/api/admin/audit?${query}`)).status).toBe(400);
  });

  test("A26: an export is CSV that runs no formula, keeps to the filters, and is an entry itself", async () => {
    const { id } = await create("=HYPERLINK(1+1)");
    const answer = await admin.request(
      "GET",
      `/api/admin/audit/export?search=${id}&action=document.created`,
    );
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(answer.headers.get("content-disposition")).toMatch(
      /^attachment; filename="audit-\d{4}-\d\d-\d\d\.csv"$/,
    );
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    const lines = bytes.toString("utf8").slice(1).trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^id,time,action,actor id,actor,target kind/);
    expect(lines[1]).toContain(",'=HYPERLINK(1+1),");

    const [newest] = (await eventsOf("action=audit.exported")).events;
    expect(newest?.actor?.name).toBe("Ada");
    expect(newest?.details).toEqual({ search: id, action: "document.created" });
  });
});

/** What SQL decides, on both databases. */
function describeLog(name: string, current: () => Database): void {
  describe(`what SQL decides of ${name}`, () => {
    let database: Database;
    beforeAll(async () => {
      database = current();
      await addAccount(database, "ada");
      await addAccount(database, "noor");
    });

    const everything = { search: "" };

    test("A25: an entry cannot be changed, removed or cut off, not even all at once", async () => {
      const audit = createAuditLog(database);
      await audit.record({ action: "session.signed_in", actorId: "ada" });
      for (const statement of [
        "update audit_events set actor_id = null",
        "delete from audit_events",
        "delete from audit_events where id = 1",
        "truncate audit_events",
        "truncate audit_events cascade",
      ])
        await expect(sql.raw(statement).execute(database.kysely)).rejects.toThrow("append-only");
      const { total } = await createAuditReader(database).list({ ...everything, page: 1 });
      expect(total).toBe(1);
    });

    test("A25: an entry is written with what it tells of, or not at all", async () => {
      const audit = createAuditLog(database);
      const before = await countEvents(database);
      const failing = database.kysely.transaction().execute(async (transaction) => {
        await audit.record({ action: "account.suspended", actorId: "ada" }, transaction);
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      expect(await countEvents(database)).toBe(before);
    });

    test("A26: names and addresses with line feeds, escapes and turned text stay on one line", async () => {
      const name = "Eve\n9999,2026-01-01,account.deleted\u001b[2J\u202Egnp.exe\u2028\u0085end";
      await database.kysely.updateTable("users").set({ name }).where("id", "=", "noor").execute();
      await createAuditLog(database).record({
        action: "account.profile_changed",
        actorId: "noor",
        target: { kind: "account", id: "noor" },
        sender: { address: "10.0.0.1\nfake", requestId: "one" },
        details: { userAgent: "curl\r\nInjected: yes\u001b]0;title\u0007", count: 2, off: false },
      });
      const reader = createAuditReader(database);
      const { events } = await reader.list({
        search: "",
        action: "account.profile_changed",
        page: 1,
      });
      const text = JSON.stringify(events);
      expect(events).toHaveLength(1);
      expect(text).not.toMatch(/\\n|\\r|\\u00|\u202e|\u2028|\u0085/i);
      expect(events[0]?.actor?.name).toContain("Eve\uFFFD9999");
      expect(events[0]?.details).toMatchObject({ count: 2, off: false });
    });

    test("A25: pages meet without a gap or a double, newest first", async () => {
      await database.kysely
        .insertInto("audit_events")
        .values(
          Array.from({ length: 1_234 }, (_, index) => ({
            action: "quota.changed",
            actor_id: "ada",
            details: JSON.stringify({ index }),
          })),
        )
        .execute();
      const reader = createAuditReader(database);
      const filter = { search: "", action: "quota.changed" } as const;
      const exported: unknown[] = [];
      for await (const page of reader.pages(filter)) {
        expect(page.length).toBeLessThanOrEqual(500);
        exported.push(...page.map(({ details }) => details.index));
      }
      expect(exported).toEqual(Array.from({ length: 1_234 }, (_, index) => 1_233 - index));
      const listed: unknown[] = [];
      for (let page = 1; page <= 25; page++) {
        const { events, total } = await reader.list({ ...filter, page });
        expect(total).toBe(1_234);
        listed.push(...events.map(({ details }) => details.index));
      }
      expect(listed).toEqual(exported);
    });
  });
}

async function countEvents({ kysely }: Database): Promise<number> {
  const { count } = await kysely
    .selectFrom("audit_events")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

describe("on PGlite", () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openTestDatabase();
  });
  afterAll(() => test.remove());
  describeLog("the log", () => test.database);
});

describe("on Postgres", () => {
  let server: PostgresServer;
  let database: Database;
  beforeAll(async () => {
    server = await startPostgres();
    const databaseUrl = await server.createDatabase("audit");
    database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
    await migrate(database, silent);
  });
  afterAll(async () => {
    await database.close();
    await server.remove();
  });
  describeLog("the log", () => database);
});
