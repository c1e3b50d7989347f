import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AdminDocument, AuditEvent, Health } from "#shared/admin.ts";
import type { DocumentSummary, User } from "#shared/http.ts";
import type { Actor } from "#shared/permissions.ts";
import type { Run } from "#shared/run.ts";
import { createAuditLog } from "../../server/audit/audit-log.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { createAdminDocuments } from "../../server/documents/admin-documents.ts";
import { createGiving } from "../../server/documents/giving.ts";
import { createPurging } from "../../server/documents/purging.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { LiveSocket, OpenCopy, Person } from "../support/person.ts";
import { whenText } from "../support/person.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { addAccount, addDocument } from "../support/sync-server.ts";

interface AdminPage {
  documents: AdminDocument[];
  total: number;
}

describe("over HTTP", () => {
  let app: TestApp;
  let admin: Person;
  let sponsor: Person;
  let heir: Person;
  let editor: Person;

  beforeAll(async () => {
    app = await startTestApp();
    admin = await app.signIn("admin@demo.test");
    sponsor = await app.signIn("sponsor@demo.test");
    heir = await app.signIn("sponsor2@demo.test");
    editor = await app.signIn("editor@demo.test");
  });
  afterAll(() => app.close());

  async function create(title: string, body = "Once upon a time"): Promise<string> {
    const { document } = await sponsor.json<{ document: DocumentSummary }>(
      "POST",
      "/api/documents",
      { title, body },
    );
    return document.id;
  }

  async function found(id: string): Promise<AdminDocument | undefined> {
    const { documents } = await admin.json<AdminPage>("GET", `/api/admin/documents?search=${id}`);
    return documents[0];
  }

  async function lastEvent(action: string): Promise<AuditEvent | undefined> {
    const { events } = await admin.json<{ events: AuditEvent[] }>(
      "GET",
      `/api/admin/audit?action=${action}`,
    );
    return events[0];
  }

  async function startRun(socket: LiveSocket, documentId: string): Promise<Run> {
    await socket.timeout(10_000).emitWithAck("document:join", { documentId });
    const answer = await socket.timeout(30_000).emitWithAck("run:start", {
      documentId,
      at: "end",
      sampling: { maxTokens: null, strategy: "sample" },
    });
    if (!("run" in answer)) throw new Error(JSON.stringify(answer));
    return answer.run;
  }

  const closedWith = (copy: OpenCopy) =>
    new Promise<number>((resolve) => copy.provider.on("closed", ({ code }) => resolve(code)));

  test("A27: an admin sees of a document whose it is and how big, and never a word of it", async () => {
    const id = await create("The title", "a secret sentence in the body");
    const answer = await admin.request("GET", `/api/admin/documents?search=${id}`);
    const text = await answer.text();
    expect(text).not.toContain("secret");
    const { documents, total } = JSON.parse(text) as AdminPage;
    expect(total).toBe(1);
    expect(documents[0]).toMatchObject({
      id,
      title: "The title",
      owner: { name: "Sofia" },
      people: 1,
      run: null,
      archivedAt: null,
      purgeAt: null,
    });
    expect(documents[0]?.sizeBytes).toBeGreaterThan(30);
    for (const path of ["", "/text", "/versions"])
      expect((await admin.request("GET", `/api/documents/${id}${path}`)).status).toBe(404);
  });

  test("A27: what admins do with documents, nobody else does", async () => {
    const id = await create("Not yours");
    for (const person of [sponsor, editor])
      for (const [method, path, body] of [
        ["GET", "/api/admin/documents", undefined],
        ["GET", "/api/admin/health", undefined],
        ["POST", `/api/admin/documents/${id}/end-run`, {}],
        ["PUT", `/api/admin/documents/${id}/owner`, { email: "sponsor2@demo.test" }],
        ["DELETE", `/api/admin/documents/${id}`, { title: "Not yours" }],
      ] as const)
        expect((await person.request(method, path, body)).status).toBe(403);
    expect(await found(id)).toMatchObject({ owner: { name: "Sofia" } });
  });

  test("A27: an admin ends a run that he cannot read, also in an archived document, and it is kept who did", async () => {
    const id = await create("Endless");
    const socket = sponsor.socket();
    try {
      const run = await startRun(socket, id);
      expect((await found(id))?.run).toMatchObject({ id: run.id });
      await sponsor.json("PATCH", `/api/documents/${id}`, { archived: true });
      const { total } = await admin.json<AdminPage>("GET", "/api/admin/documents?live=true");
      expect(total).toBe(1);

      const ended = await admin.json<{ run: Run }>(
        "POST",
        `/api/admin/documents/${id}/end-run`,
        {},
      );
      expect(ended.run).toMatchObject({ id: run.id, state: "stopped", changedBy: { name: "Ada" } });
      expect((await found(id))?.run).toBeNull();
      expect(await lastEvent("run.ended")).toMatchObject({
        actor: { name: "Ada" },
        target: { kind: "run", id: run.id, name: "Endless" },
        details: { documentId: id },
      });
      const again = await admin.request("POST", `/api/admin/documents/${id}/end-run`, {});
      expect(again.status).toBe(409);
    } finally {
      socket.close();
    }
  });

  test("A25 A27: a run that an admin ends over Socket.IO is kept as well, and from where", async () => {
    const id = await create("Ended live");
    const sockets = [sponsor.socket(), admin.socket()] as const;
    try {
      const run = await startRun(sockets[0], id);
      const answer = await sockets[1].timeout(10_000).emitWithAck("run:stop", { documentId: id });
      expect(answer).toMatchObject({ run: { id: run.id, state: "stopped" } });
      expect(await lastEvent("run.ended")).toMatchObject({
        actor: { name: "Ada" },
        address: expect.stringContaining("127.0.0.1"),
        target: { kind: "run", id: run.id },
      });
    } finally {
      for (const socket of sockets) socket.close();
    }
  });

  test("A28: given to another sponsor, a document is his on open connections at once, and its old owner's to edit", async () => {
    const id = await create("Handed on");
    const copies = [sponsor.open(id), editor.open(id)];
    const socket = sponsor.socket();
    try {
      const [own] = copies as [OpenCopy, OpenCopy];
      await whenText(own, (text) => text === "Once upon a time");
      const run = await startRun(socket, id);
      const role = new Promise((resolve) => socket.on("document:access", resolve));
      const paused = new Promise<Run>((resolve) =>
        socket.on("run:state", (news) => news.run.state === "paused" && resolve(news.run)),
      );
      const { document } = await admin.json<{ document: AdminDocument }>(
        "PUT",
        `/api/admin/documents/${id}/owner`,
        { email: "Sponsor2@demo.test" },
      );
      expect(document).toMatchObject({ owner: { name: "Sam" }, people: 2 });
      expect(await role).toEqual({ documentId: id, role: "editor" });
      // An editor's run goes on only where the owner lets editors run.
      expect(await paused).toMatchObject({ id: run.id, reason: "access" });

      const shared = await heir.json<{ document: DocumentSummary }>("GET", `/api/documents/${id}`);
      expect(shared.document.role).toBe("owner");
      const kept = await sponsor.json<{ document: DocumentSummary }>("GET", `/api/documents/${id}`);
      expect(kept.document.role).toBe("editor");
      own.body.insert(0, "Still mine to edit. ");
      await expect
        .poll(async () => (await heir.request("GET", `/api/documents/${id}/text`)).text())
        .toContain("Still mine to edit. ");
      const archived = await sponsor.request("PATCH", `/api/documents/${id}`, { archived: true });
      expect(archived.status).toBe(403);

      const me = await sponsor.json<{ user: User }>("GET", "/api/me");
      const other = await heir.json<{ user: User }>("GET", "/api/me");
      expect(await lastEvent("document.given")).toMatchObject({
        actor: { name: "Ada" },
        target: { kind: "document", id },
        details: { fromAccountId: me.user.id, toAccountId: other.user.id },
      });
    } finally {
      socket.close();
      for (const copy of copies) copy.close();
    }
  });

  test.each([
    ["nobody@demo.test", 404, "no_such_account"],
    ["editor@demo.test", 409, "not_a_sponsor"],
    ["admin@demo.test", 409, "not_a_sponsor"],
    ["sponsor@demo.test", 409, "is_owner"],
  ])("A28: a document is not given to %s", async (email, status, code) => {
    const id = await create("Kept");
    const answer = await admin.request("PUT", `/api/admin/documents/${id}/owner`, { email });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: { code } });
    expect(await found(id)).toMatchObject({ owner: { name: "Sofia" }, people: 1 });
  });

  test("A28: purged with a wrong title nothing happens; with the right one it is gone, and open copies close with 4404", async () => {
    const id = await create("Gone for good");
    await sponsor.json("PUT", `/api/documents/${id}/assignments`, {
      email: "editor@demo.test",
      role: "watcher",
    });
    const copies = [sponsor.open(id), editor.open(id)];
    const socket = sponsor.socket();
    try {
      for (const copy of copies) await whenText(copy, (text) => text.startsWith("Once upon"));
      const run = await startRun(socket, id);
      const wrong = await admin.request("DELETE", `/api/admin/documents/${id}`, { title: "Gone" });
      expect(wrong.status).toBe(400);
      expect((await found(id))?.run).toMatchObject({ id: run.id });

      const codes = Promise.all(copies.map(closedWith));
      const told = new Promise((resolve) => socket.on("document:access", resolve));
      const answer = await admin.request("DELETE", `/api/admin/documents/${id}`, {
        title: " Gone for good ",
      });
      expect(answer.status).toBe(204);
      expect(await codes).toEqual([4404, 4404]);
      expect(await told).toEqual({ documentId: id, role: null });
      expect(await found(id)).toBeUndefined();
      expect((await sponsor.request("GET", `/api/documents/${id}`)).status).toBe(404);
      const event = await lastEvent("document.purged");
      expect(event).toMatchObject({ target: { kind: "document", id, name: null } });
      expect(JSON.stringify(event)).not.toContain("Gone for good");
      const again = await admin.request("DELETE", `/api/admin/documents/${id}`, { title: "" });
      expect(again.status).toBe(404);
    } finally {
      socket.close();
      for (const copy of copies) copy.close();
    }
  });

  test("A27: health tells numbers that follow what happens", async () => {
    const id = await create("Counted");
    const read = async () =>
      (await admin.json<{ health: Health }>("GET", "/api/admin/health")).health;
    const before = await read();
    expect(before.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(before.database).toMatchObject({ kind: "pglite", ready: true });
    expect(before.database.sizeBytes).toBeGreaterThan(1_000_000);
    expect(before.memoryBytes).toBeGreaterThan(50_000_000);
    expect(before.eventLoopDelayMs).toBeGreaterThanOrEqual(0);
    expect(before.model).toMatchObject({ ready: true });
    expect(before.model.name).not.toBeNull();
    expect(before.mail).toEqual({ configured: false, waiting: 0, failed: 0 });
    expect(Date.parse(before.startedAt)).toBeLessThan(Date.now());
    const copy = sponsor.open(id);
    const socket = sponsor.socket();
    try {
      await whenText(copy, (text) => text !== "");
      await startRun(socket, id);
      expect(await read()).toMatchObject({
        connections: {
          sync: before.connections.sync + 1,
          sockets: before.connections.sockets + 1,
        },
        documents: { total: before.documents.total, liveRuns: before.documents.liveRuns + 1 },
      });
    } finally {
      socket.close();
      copy.close();
    }
  });
});

/** What SQL decides, on both databases. */
function describeDocuments(current: () => Database): void {
  let database: Database;
  beforeAll(async () => {
    database = current();
    for (const id of ["ada", "noor", "zoe"]) await addAccount(database, id);
    for (let index = 0; index < 120; index++) {
      const id = `document-${String(index).padStart(3, "0")}`;
      await addDocument(database, id, { [index % 2 ? "ada" : "zoe"]: "owner", noor: "editor" });
      await database.kysely
        .insertInto("document_updates")
        .values({ document_id: id, seq: 1, origin: "system", payload: new Uint8Array(index * 10) })
        .execute();
    }
  });

  const query = { search: "", sort: "size", direction: "desc", page: 1 } as const;
  const list = () => createAdminDocuments(database, async () => new Map());

  test("A27: documents are sorted and paged as a whole, with what hangs on each counted for itself", async () => {
    const first = await list().list(query);
    expect(first.total).toBe(120);
    expect(first.documents).toHaveLength(50);
    expect(first.documents[0]).toMatchObject({
      id: "document-119",
      sizeBytes: 1190,
      people: 2,
      owner: { id: "ada", name: "Ada" },
    });
    const last = await list().list({ ...query, page: 3 });
    expect(last.documents.map(({ sizeBytes }) => sizeBytes)).toEqual(
      Array.from({ length: 20 }, (_, index) => 190 - index * 10),
    );
    const byOwner = await list().list({ ...query, sort: "owner", direction: "asc" });
    expect(new Set(byOwner.documents.map(({ owner }) => owner.id))).toEqual(new Set(["ada"]));
  });

  test("A27: the search is letter by letter in title and owner", async () => {
    expect((await list().list({ ...query, search: "ENT-00" })).total).toBe(10);
    expect((await list().list({ ...query, search: "zoe@SYNC" })).total).toBe(60);
    for (const search of ["%", "_", "'; drop table users; --", "\\"])
      expect((await list().list({ ...query, search })).total).toBe(0);
    expect((await list().list({ ...query, live: "true" })).total).toBe(0);
  });

  test("A27: a page takes as many queries for fifty documents as for one", async () => {
    const counted = async (search: string) => {
      let queries = 0;
      const kysely = database.kysely.withPlugin({
        transformQuery: ({ node }) => {
          queries += 1;
          return node;
        },
        transformResult: async ({ result }) => result,
      });
      const counting = createAdminDocuments({ ...database, kysely }, async () => new Map());
      const { documents } = await counting.list({ ...query, search });
      return { queries, documents: documents.length };
    };
    expect(await counted("document-007")).toEqual({ queries: 2, documents: 1 });
    expect(await counted("")).toEqual({ queries: 2, documents: 50 });
  });

  const sender = { address: "127.0.0.1", userAgent: null, requestId: null };
  const givingOf = () =>
    createGiving({
      database,
      audit: createAuditLog(database),
      onAccessChanged: async () => undefined,
    });

  async function addAdmin(id: string): Promise<Actor> {
    await addAccount(database, id, "admin");
    return { id, name: id, role: "admin" };
  }

  test("A13: an admin who was suspended after the request came in gives and purges nothing", async () => {
    await addDocument(database, "kept", { ada: "owner" });
    const admin = await addAdmin("former");
    await database.kysely
      .updateTable("users")
      .set({ status: "suspended" })
      .where("id", "=", admin.id)
      .execute();
    const attempts = [
      givingOf().give(admin.id, "kept", "noor@sync.test", sender),
      purgingOf().purge(admin, "kept", "kept", sender),
    ];
    for (const { status, ...rest } of await Promise.allSettled(attempts)) {
      expect(status).toBe("rejected");
      expect(rest).toMatchObject({ reason: { status: 401 } });
    }
    const row = database.kysely.selectFrom("documents").select("owner_id").where("id", "=", "kept");
    expect(await row.executeTakeFirst()).toEqual({ owner_id: "ada" });
  });

  test("A28: of two admins who give a document at once one wins, and it has one owner", async () => {
    await addDocument(database, "wanted", { ada: "owner" });
    const giving = givingOf();
    const { id: adminId } = await addAdmin("giver");
    const before = await epochs();
    const results = await Promise.allSettled(
      ["noor", "zoe"].map((id) => giving.give(adminId, "wanted", `${id}@sync.test`, sender)),
    );
    expect(results.some(({ status }) => status === "fulfilled")).toBe(true);
    const owners = await database.kysely
      .selectFrom("assignments")
      .select("user_id")
      .where("document_id", "=", "wanted")
      .where("role", "=", "owner")
      .execute();
    const { owner_id: ownerId } = await database.kysely
      .selectFrom("documents")
      .select("owner_id")
      .where("id", "=", "wanted")
      .executeTakeFirstOrThrow();
    expect(owners).toEqual([{ user_id: ownerId }]);
    // What either of them had open must be judged anew.
    const after = await epochs();
    for (const id of ["ada", ownerId]) expect(after.get(id)).toBeGreaterThan(before.get(id) ?? 0);
  });

  async function epochs(): Promise<Map<string, number>> {
    const rows = await database.kysely.selectFrom("users").select(["id", "access_epoch"]).execute();
    return new Map(rows.map((row) => [row.id, row.access_epoch]));
  }

  test("A28: nothing of a purged document is left in any table, and of others everything", async () => {
    await addDocument(database, "doomed", { ada: "owner", noor: "watcher" });
    await addDocument(database, "spared", { ada: "owner", noor: "watcher" });
    for (const id of ["doomed", "spared"]) await fill(id);
    await purgingOf().purge(await addAdmin("purger"), "doomed", "doomed", sender);
    expect(await rowsOf("doomed")).toEqual([]);
    expect(await rowsOf("spared")).toEqual([
      "assignments",
      "document_clients",
      "document_settings",
      "document_snapshots",
      "document_updates",
      "documents",
      "run_items",
      "run_tokens",
      "runs",
      "versions",
    ]);
  });

  test("A29: of several servers that purge what is due, each document is purged and kept in the log once", async () => {
    for (const id of ["due-1", "due-2", "due-3", "later"]) {
      await addDocument(database, id, { ada: "owner" });
      const inMs = id === "later" ? 60_000 : -1_000;
      await database.kysely
        .updateTable("documents")
        .set({ purge_at: new Date(Date.now() + inMs) })
        .where("id", "=", id)
        .execute();
    }
    const purged = await Promise.all([1, 2, 3].map(() => purgingOf().purgeDue()));
    expect(purged.reduce((sum, count) => sum + count)).toBe(3);
    const left = await database.kysely
      .selectFrom("documents")
      .select("id")
      .where("purge_at", "is not", null)
      .execute();
    expect(left).toEqual([{ id: "later" }]);
    const kept = await database.kysely
      .selectFrom("audit_events")
      .select("target_id")
      .where("action", "=", "document.purged")
      .where("actor_id", "is", null)
      .orderBy("target_id")
      .execute();
    expect(kept.map((row) => row.target_id)).toEqual(["due-1", "due-2", "due-3"]);
  });

  function purgingOf() {
    return createPurging({
      database,
      audit: createAuditLog(database),
      rooms: { discard: async () => undefined },
      endRun: async () => undefined,
      accountsOn: async () => [],
      onAccessChanged: async () => undefined,
    });
  }

  async function fill(documentId: string): Promise<void> {
    const { kysely } = database;
    const document_id = documentId;
    const bytes = Uint8Array.of(1);
    const runId = `run-of-${documentId}`;
    await kysely
      .insertInto("document_updates")
      .values({ document_id, seq: 1, origin: "system", payload: bytes })
      .execute();
    await kysely
      .insertInto("document_snapshots")
      .values({ document_id, seq: 1, state: bytes, sha256: "-" })
      .execute();
    await kysely
      .insertInto("versions")
      .values({ id: `version-of-${documentId}`, document_id, seq: 1, kind: "automatic" })
      .execute();
    await kysely
      .insertInto("document_clients")
      .values({ document_id, client_id: 7, account_id: "ada", first_seq: 1 })
      .execute();
    await kysely
      .insertInto("document_settings")
      .values({ document_id, sampling: "{}", changed_by: "ada", changed_at: new Date() })
      .execute();
    await kysely
      .insertInto("runs")
      .values({
        id: runId,
        document_id,
        model: "m",
        sampling: "{}",
        seed: 1,
        state: "stopped",
        caret: bytes,
        started_by: "ada",
        changed_by: "ada",
        context_limit: 9,
        changed_at: new Date(),
      })
      .execute();
    await kysely
      .insertInto("run_tokens")
      .values({ run_id: runId, index: 0, token_id: 1, text: "a", logprob: 0, client: 7, clock: 0 })
      .execute();
    await kysely
      .insertInto("run_items")
      .values({ run_id: runId, client: 7, clock_from: 0, clock_to: 1 })
      .execute();
  }

  /** The tables that still have a row of the document. */
  async function rowsOf(documentId: string): Promise<string[]> {
    const { kysely } = database;
    const names: string[] = [];
    for (const [table, column, value] of [
      ["assignments", "document_id", documentId],
      ["document_clients", "document_id", documentId],
      ["document_settings", "document_id", documentId],
      ["document_snapshots", "document_id", documentId],
      ["document_updates", "document_id", documentId],
      ["documents", "id", documentId],
      ["run_items", "run_id", `run-of-${documentId}`],
      ["run_tokens", "run_id", `run-of-${documentId}`],
      ["runs", "document_id", documentId],
      ["versions", "document_id", documentId],
    ] as const) {
      const row = await kysely
        .selectFrom(table)
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where(kysely.dynamic.ref(column), "=", value as never)
        .executeTakeFirstOrThrow();
      if (row.count > 0) names.push(table);
    }
    return names;
  }
}

describe("on PGlite", () => {
  let opened: TestDatabase;
  beforeAll(async () => {
    opened = await openTestDatabase();
  });
  afterAll(() => opened.remove());
  describeDocuments(() => opened.database);
});

describe("on Postgres", () => {
  let server: PostgresServer;
  let database: Database;
  beforeAll(async () => {
    server = await startPostgres();
    const databaseUrl = await server.createDatabase("documents");
    database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
    await migrate(database, silent);
  });
  afterAll(async () => {
    await database.close();
    await server.remove();
  });
  describeDocuments(() => database);
});
