import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { AccountQuota, AuditEvent, Quota } from "#shared/admin.ts";
import type { DocumentSummary, User } from "#shared/http.ts";
import type { RunAnswer } from "#shared/socket-events.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { demonstrationQuota } from "../../server/quotas/built-in.ts";
import { createSpending } from "../../server/quotas/spending.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { LiveSocket, Person } from "../support/person.ts";
import { openTestDatabase, silent } from "../support/pglite.ts";
import { startPostgres } from "../support/postgres.ts";
import { openRunDesk, type RunDesk } from "../support/run-desk.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-engine.ts";
import { addDocument } from "../support/sync-server.ts";

interface Store {
  database: Database;
  remove(): Promise<void>;
}

async function openPostgres(): Promise<Store> {
  const server = await startPostgres();
  const databaseUrl = await server.createDatabase("quotas");
  const database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
  await migrate(database, silent);
  return {
    database,
    async remove() {
      await database.close();
      await server.remove();
    },
  };
}

describe.each([
  ["PGlite", openTestDatabase],
  ["Postgres", openPostgres],
])("on %s", (_name, openStore: () => Promise<Store>) => {
  let store: Store;
  let desk: RunDesk;
  let model: ScriptedModel;
  beforeAll(async () => {
    store = await openStore();
  });
  afterEach(() => desk.close());
  afterAll(() => store.remove());

  /** A desk whose owner has this quota. */
  async function open(quota: Quota): Promise<void> {
    model = createScriptedModel({ contextTokens: 1024 });
    desk = await openRunDesk({ body: "Once", database: store.database, model });
    await setQuota(quota);
  }

  async function setQuota({ tokensPerDay, runsAtOnce }: Quota): Promise<void> {
    const row = { tokens_per_day: tokensPerDay, runs_at_once: runsAtOnce };
    await store.database.kysely
      .insertInto("quotas")
      .values({ user_id: desk.owner.id, ...row })
      .onConflict((conflict) => conflict.column("user_id").doUpdateSet(row))
      .execute();
  }

  async function used(): Promise<number> {
    const { tokens } = await store.database.kysely
      .selectFrom("token_usage")
      .select((select) =>
        select.fn.coalesce(select.fn.sum<string>("tokens"), sql.lit(0)).as("tokens"),
      )
      .where("user_id", "=", desk.owner.id)
      .executeTakeFirstOrThrow();
    return Number(tokens);
  }

  async function anotherDocument(): Promise<string> {
    const id = `other-${crypto.randomUUID().slice(0, 8)}`;
    return addDocument(store.database, id, { [desk.owner.id]: "owner" });
  }

  const start = (documentId: string, maxTokens: number | null = null) =>
    desk.generation.start(desk.owner, { documentId, sampling: { maxTokens, seed: 1 } });

  async function state(documentId: string, wanted: object): Promise<void> {
    await vi.waitFor(
      async () =>
        expect((await desk.generation.latest([documentId])).get(documentId)).toMatchObject(wanted),
      { timeout: 15_000, interval: 5 },
    );
  }

  const words = (to: number) => Array.from({ length: to }, (_, index) => ` word${index}`).join("");

  test("A23: what is counted is what was written, to the token", async () => {
    await open({ tokensPerDay: 1000, runsAtOnce: null });
    await start(desk.documentId, 37);
    await state(desk.documentId, { state: "finished", tokens: 37 });
    expect(await used()).toBe(37);
    const other = await anotherDocument();
    await Promise.all([start(desk.documentId, 20), start(other, 30)]);
    await Promise.all([
      state(desk.documentId, { state: "finished" }),
      state(other, { state: "finished" }),
    ]);
    expect(await used()).toBe(87);
  });

  test("A23: a run that reaches the day's limit pauses with its text intact; Start and Resume say when there is more", async () => {
    await open({ tokensPerDay: 25, runsAtOnce: null });
    await start(desk.documentId);
    await state(desk.documentId, { state: "paused", reason: "quota", tokens: 25 });
    expect(await desk.text()).toBe(`Once${words(25)}`);
    expect(await used()).toBe(25);
    const refusal = {
      code: "too_many",
      status: 429,
      message: expect.stringMatching(/^Today's 25 tokens are used up\. .*midnight UTC/),
      details: { retryAfterMs: expect.any(Number) },
    };
    const command = { documentId: desk.documentId };
    await expect(desk.generation.resume(desk.owner, command)).rejects.toMatchObject(refusal);
    await expect(start(await anotherDocument())).rejects.toMatchObject(refusal);
    await state(desk.documentId, { state: "paused", reason: "quota" });
    await expect(desk.generation.resume(desk.editor, command)).rejects.toMatchObject(refusal);
  });

  test("A23: it goes on the next day, or once an admin allows more", async () => {
    await open({ tokensPerDay: 10, runsAtOnce: null });
    await start(desk.documentId, 45);
    await state(desk.documentId, { state: "paused", reason: "quota", tokens: 10 });
    await setQuota({ tokensPerDay: 30, runsAtOnce: null });
    await desk.generation.resume(desk.owner, { documentId: desk.documentId });
    await state(desk.documentId, { state: "paused", reason: "quota", tokens: 30 });
    await sql`update token_usage set day = day - 1 where user_id = ${desk.owner.id}`.execute(
      store.database.kysely,
    );
    await desk.generation.resume(desk.owner, { documentId: desk.documentId });
    await state(desk.documentId, { state: "finished", tokens: 45 });
    expect(await desk.text()).toBe(`Once${words(45)}`);
    expect(await used()).toBe(45);
  });

  test("A23: a limit that is lowered under a run holds from the next flush on", async () => {
    await open({ tokensPerDay: null, runsAtOnce: null });
    model.drawBelow(8);
    await start(desk.documentId);
    await vi.waitFor(() => expect(desk.published.tokens).toHaveLength(8), { interval: 5 });
    await setQuota({ tokensPerDay: 5, runsAtOnce: null });
    model.drawBelow(9);
    await state(desk.documentId, { state: "paused", reason: "quota", tokens: 9 });
  });

  test("A24: of two Starts at the same moment with one place left, one wins and the other is told", async () => {
    await open({ tokensPerDay: null, runsAtOnce: 1 });
    model.drawBelow(1);
    for (let round = 0; round < 5; round++) {
      const documents = [await anotherDocument(), await anotherDocument(), await anotherDocument()];
      const outcomes = await Promise.allSettled(documents.map((id) => start(id)));
      const told = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(told).toHaveLength(2);
      for (const { reason } of told)
        expect(reason).toMatchObject({
          code: "too_many",
          message: expect.stringMatching(/at work/),
        });
      const won = documents[outcomes.findIndex(({ status }) => status === "fulfilled")] ?? "";
      await desk.generation.stop(desk.owner, { documentId: won });
    }
  });

  test("A24: one wins also where the transactions of both are under way together, on whatever node", async () => {
    await open({ tokensPerDay: null, runsAtOnce: 1 });
    const documents = [await anotherDocument(), await anotherDocument(), await anotherDocument()];
    const admit = (documentId: string) =>
      createSpending(store.database, demonstrationQuota).admit(desk.owner.id, async (database) => {
        await sql`insert into runs (id, document_id, model, sampling, seed, state, caret, started_by,
              changed_by, context_limit)
            values (${documentId}, ${documentId}, 'm', '{}', 1, 'queued', ${new Uint8Array()},
              ${desk.owner.id}, ${desk.owner.id}, 9)`.execute(database);
        // The others' transactions begin before this one ends.
        await sql`select pg_sleep(0.1)`.execute(database);
      });
    const outcomes = await Promise.allSettled(documents.map(admit));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("A24: a paused run takes no place, and must find one to go on", async () => {
    await open({ tokensPerDay: null, runsAtOnce: 1 });
    model.drawBelow(1);
    const [first, second] = [await anotherDocument(), await anotherDocument()];
    await start(first);
    await desk.generation.pause(desk.owner, { documentId: first });
    await start(second);
    await expect(desk.generation.resume(desk.owner, { documentId: first })).rejects.toMatchObject({
      code: "too_many",
    });
    await state(first, { state: "paused", reason: "by_person" });
    await desk.generation.stop(desk.owner, { documentId: second });
    await desk.generation.resume(desk.owner, { documentId: first });
    await state(first, { state: "streaming" });
  });

  test("A24: in a document that has a run, that is what the second Start is told", async () => {
    await open({ tokensPerDay: null, runsAtOnce: 1 });
    model.drawBelow(1);
    await start(desk.documentId);
    await expect(start(desk.documentId)).rejects.toMatchObject({ code: "run_exists" });
  });
});

describe("over HTTP and Socket.IO", () => {
  let app: TestApp;
  let admin: Person;
  let sponsor: Person;
  let sponsorId: string;
  let socket: LiveSocket;
  beforeAll(async () => {
    app = await startTestApp();
    admin = await app.signIn("admin@demo.test");
    sponsor = await app.signIn("sponsor@demo.test");
    sponsorId = (await sponsor.json<{ user: User }>("GET", "/api/me")).user.id;
    socket = sponsor.socket();
  });
  afterAll(async () => {
    socket?.close();
    await app?.close();
  });

  const own = () => `/api/admin/users/${sponsorId}/quota`;
  const change = async (method: string, path: string, body?: unknown) =>
    (await admin.json<{ quota: AccountQuota }>(method, path, body)).quota;

  async function newDocument(): Promise<string> {
    const { document } = await sponsor.json<{ document: DocumentSummary }>(
      "POST",
      "/api/documents",
      { title: "T", body: "Once." },
    );
    return document.id;
  }

  test("A23: an account has the default's limits until it has its own, and after it has them no more", async () => {
    const none = { tokensPerDay: null, runsAtOnce: null };
    expect(await change("GET", "/api/admin/quotas/default")).toEqual(none);
    const limits = { tokensPerDay: 5000, runsAtOnce: 3 };
    expect(await change("PUT", "/api/admin/quotas/default", limits)).toEqual(limits);
    expect(await change("GET", own())).toEqual({ ...limits, own: false, usedToday: 0, runsNow: 0 });
    const more = { tokensPerDay: 9000, runsAtOnce: null };
    expect(await change("PUT", own(), more)).toMatchObject({ ...more, own: true });
    expect(await change("PUT", "/api/admin/quotas/default", none)).toEqual(none);
    expect(await change("GET", own())).toMatchObject({ ...more, own: true });
    expect(await change("DELETE", own())).toMatchObject({ ...none, own: false });
  });

  test("A23: every change of a limit is in the audit log, with what it was", async () => {
    await change("PUT", own(), { tokensPerDay: 100, runsAtOnce: 2 });
    await change("PUT", own(), { tokensPerDay: 200, runsAtOnce: 2 });
    const { events } = await admin.json<{ events: AuditEvent[] }>(
      "GET",
      "/api/admin/audit?action=quota.changed",
    );
    expect(events[0]).toMatchObject({
      actor: { name: "Ada" },
      target: { kind: "account", id: sponsorId, name: "Sofia" },
      details: { tokensPerDay: 200, tokensPerDayBefore: 100, runsAtOnce: 2, runsAtOnceBefore: 2 },
    });
    await change("DELETE", own());
  });

  test("A1 A6: only admins see and set limits, of accounts that exist, to numbers that can be", async () => {
    for (const path of ["/api/admin/quotas/default", own()])
      for (const method of ["GET", "PUT"])
        expect(
          (await sponsor.request(method, path, method === "PUT" ? {} : undefined)).status,
        ).toBe(403);
    expect((await admin.request("GET", "/api/admin/users/nobody/quota")).status).toBe(404);
    for (const body of [
      {},
      { tokensPerDay: -1, runsAtOnce: 1 },
      { tokensPerDay: 1.5, runsAtOnce: 1 },
      { tokensPerDay: 1, runsAtOnce: 1, role: "admin" },
    ])
      expect((await admin.request("PUT", own(), body)).status, JSON.stringify(body)).toBe(400);
  });

  test("A23 A24: a Start that is refused says too_many with a sentence and when to come again", async () => {
    const ask = async (): Promise<RunAnswer> =>
      socket.emitWithAck("run:start", {
        documentId: await newDocument(),
        sampling: { maxTokens: 3 },
      });
    await change("PUT", own(), { tokensPerDay: 0, runsAtOnce: null });
    expect(await ask()).toMatchObject({
      ok: false,
      code: "too_many",
      message: expect.stringContaining("midnight UTC"),
      details: { retryAfterMs: expect.any(Number) },
    });
    await change("PUT", own(), { tokensPerDay: null, runsAtOnce: 0 });
    expect(await ask()).toMatchObject({ ok: false, code: "too_many" });
    await change("DELETE", own());
    expect(await ask()).toMatchObject({ ok: true });
    // The engine gives way to whatever else the machine does.
    const usedToday = async () => (await change("GET", own())).usedToday;
    await vi.waitFor(async () => expect(await usedToday()).toBe(3), { timeout: 15_000 });
  });
});
