import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Database } from "../../server/database/database.ts";
import { createMailService, type MailService } from "../../server/mail/mail-service.ts";
import { createOutbox } from "../../server/mail/outbox.ts";
import { type MailServer, startMailServer } from "../support/mail-server.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";

const from = "Palimpsest <palimpsest@example.test>";
const hourMs = 60 * 60 * 1000;

let storage: TestDatabase;
let database: Database;
let server: MailServer;
let mail: MailService;
let now: Date;
beforeAll(async () => {
  storage = await openTestDatabase();
  database = storage.database;
});
afterAll(() => storage.remove());
beforeEach(async () => {
  await database.kysely.deleteFrom("mails").execute();
  now = new Date();
  server = await startMailServer();
  mail = open();
});
afterEach(async () => {
  await mail.close();
  await server.stop();
});

/** Looks into the outbox when the test says so, and not by itself. */
function open(url = server.url): MailService {
  const smtp = { url, from };
  return createMailService({ database, smtp, logger: silent, now: () => now, pollMs: hourMs });
}

function later(ms: number): void {
  now = new Date(now.getTime() + ms);
}

/** Queues it in a transaction: it is sent when the outbox is looked into. */
async function queue(to: string, subject = "Subject", body = "Body."): Promise<void> {
  await database.kysely
    .transaction()
    .execute((transaction) => mail.send({ to, subject, body }, transaction));
}

function rows() {
  return database.kysely.selectFrom("mails").selectAll().orderBy("id").execute();
}

test("A14: a mail is sent once as plain text, and its text is kept no longer", async () => {
  const body = "Dear Ana,\n\nnaïve 🜲 and a very long line: " + "word ".repeat(100) + "\n.\nEnd";
  await queue("ana@example.test", "Hällo 🜲", body);
  await mail.deliver();
  await mail.deliver();
  expect(server.received).toMatchObject([
    { to: ["ana@example.test"], subject: "Hällo 🜲", text: body },
  ]);
  expect(server.received[0]?.raw).toMatch(/^Content-Type: text\/plain; charset=utf-8/im);
  expect(server.received[0]?.raw).not.toMatch(/multipart|text\/html/i);
  expect(await rows()).toMatchObject([{ body: "", sent_at: now, next_attempt_at: null }]);
  expect(await mail.count()).toEqual({ waiting: 0, failed: 0 });
});

test("a mail that is queued outside a transaction leaves by itself", async () => {
  await mail.send({ to: "ana@example.test", subject: "S", body: "B" });
  await expect.poll(() => server.received.length).toBe(1);
});

test("a mail whose transaction is rolled back was never queued", async () => {
  const failing = database.kysely.transaction().execute(async (transaction) => {
    await mail.send({ to: "ana@example.test", subject: "S", body: "B" }, transaction);
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  expect(await rows()).toEqual([]);
});

test("A14: without an SMTP server nothing is queued", async () => {
  const none = createMailService({ database, smtp: undefined, logger: silent });
  await none.send({ to: "ana@example.test", subject: "S", body: "B" });
  expect(none.configured).toBe(false);
  expect(await rows()).toEqual([]);
  await none.close();
});

test("A14: mails wait while the server is down, and all go, once each, when it is back", async () => {
  await server.stop();
  await queue("one@example.test");
  await queue("two@example.test");
  await mail.deliver();
  // The first attempt told that nobody is there: the second mail was not even tried.
  expect(await rows()).toMatchObject([
    { attempts: 1, failure: expect.stringContaining("ECONNREFUSED"), body: "Body." },
    { attempts: 0, failure: null },
  ]);
  for (let round = 0; round < 3; round++) {
    later(hourMs);
    await mail.deliver();
  }
  expect(await mail.count()).toEqual({ waiting: 2, failed: 0 });
  await server.start();
  later(hourMs);
  await mail.deliver();
  await mail.deliver();
  const recipients = server.received.map(({ to }) => to[0] ?? "");
  expect(recipients.toSorted((one, other) => one.localeCompare(other))).toEqual([
    "one@example.test",
    "two@example.test",
  ]);
  expect(await mail.count()).toEqual({ waiting: 0, failed: 0 });
});

test("each failed attempt doubles the wait, up to an hour, and after three days it is given up", async () => {
  server.refuse(() => 451);
  await queue("ana@example.test");
  const waits: number[] = [];
  for (;;) {
    await mail.deliver();
    const [row] = await rows();
    if (row?.next_attempt_at == null) break;
    waits.push((row.next_attempt_at.getTime() - now.getTime()) / 1000);
    now = row.next_attempt_at;
  }
  expect(waits.slice(0, 9)).toEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
  expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(3 * 24 * 3600);
  expect(await rows()).toMatchObject([{ sent_at: null, body: "", failure: expect.anything() }]);
  expect(await mail.count()).toEqual({ waiting: 0, failed: 1 });
});

test("a recipient that the server refuses for good is given up, and holds nobody else up", async () => {
  server.refuse((recipient) => (recipient.startsWith("gone@") ? 550 : undefined));
  await queue("gone@example.test");
  await queue("ana@example.test");
  await mail.deliver();
  expect(server.received.map(({ to }) => to)).toEqual([["ana@example.test"]]);
  expect(await mail.count()).toEqual({ waiting: 0, failed: 1 });
});

test("A14: a mail that a process took on and died over is another's after a while, under the same id", async () => {
  await queue("ana@example.test");
  expect(await createOutbox(database).claim(now)).toMatchObject({ to: "ana@example.test" });
  await mail.deliver();
  expect(server.received).toEqual([]);
  later(hourMs);
  await mail.deliver();
  const [row] = await rows();
  const id = `${row?.created_at.getTime()}.${row?.id}`;
  expect(server.received[0]?.raw).toContain(`Message-ID: <${id}@example.test>`);
});

test("A14: two processes with one outbox send each mail once", async () => {
  const other = open();
  for (let number = 0; number < 12; number++) await queue(`n${number}@example.test`);
  await Promise.all([mail.deliver(), other.deliver()]);
  const recipients = server.received.map(({ to }) => to[0]);
  expect(recipients).toHaveLength(12);
  expect(new Set(recipients).size).toBe(12);
  await other.close();
});

test.each([
  ["a header in the subject", "ana@example.test", "Hi\r\nBcc: eve@example.test\r\n\r\nBody"],
  ["a bare line feed", "ana@example.test", "Hi\nBcc: eve@example.test"],
  ["a header in the address", "ana@example.test\r\nBcc: eve@example.test", "Hi"],
  ["a second recipient", "ana@example.test,eve@example.test", "Hi"],
  ["a name with a second address", '"Ana" <eve@example.test>, ana@example.test', "Hi"],
  ["an SMTP command", "ana@example.test>\r\nRCPT TO:<eve@example.test", "Hi"],
])("A14: %s reaches nobody else", async (_what, to, subject) => {
  await queue(to, subject);
  await mail.deliver();
  for (const { to: recipients, raw } of server.received) {
    expect(recipients).not.toContain("eve@example.test");
    expect(raw).not.toMatch(/^bcc:/im);
  }
  expect((await mail.count()).waiting).toBe(0);
});
