import * as decoding from "lib0/decoding";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import * as Y from "yjs";
import type { DocumentSummary } from "#shared/http.ts";
import type { Run } from "#shared/run.ts";
import { messageTypes } from "#shared/sync-protocol.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type LiveSocket, type OpenCopy, type Person, whenText } from "../support/person.ts";
import { silent } from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { expectGaplessLog, readWrittenText } from "../support/run-text-check.ts";

const beginning = "Once upon a time there was a mill by the river.";
const waiting = { timeout: 20_000, interval: 20 };

let postgres: PostgresServer;
let databaseUrl: string;
let app: TestApp;
let database: Database;
let sponsor: Person;
let editor: Person;
let commands: LiveSocket;
beforeAll(async () => {
  postgres = await startPostgres();
  databaseUrl = await postgres.createDatabase("away");
  app = await startTestApp({ loadsModelAhead: true, config: { databaseUrl, demonstration: true } });
  database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
  sponsor = await app.signIn("sponsor@demo.test");
  editor = await app.signIn("editor@demo.test");
  commands = sponsor.socket();
});
afterAll(async () => {
  commands?.close();
  await database?.close();
  await app?.close();
  await postgres?.remove();
});

let documentId: string;
let writer: OpenCopy;
let reader: OpenCopy;
/** How many of the writer's frames are committed, as the server told it. */
let saved: number;
beforeEach(async () => {
  const answer = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body: beginning,
  });
  documentId = answer.document.id;
  await sponsor.json("PUT", `/api/documents/${documentId}/assignments`, {
    email: "editor@demo.test",
    role: "editor",
  });
  reader = sponsor.open(documentId);
  writer = editor.open(documentId, new Y.Doc(), { ack: "1" });
  saved = 0;
  writer.provider.messageHandlers[messageTypes.saved] = (_encoder, decoder) => {
    saved = decoding.readVarUint(decoder);
  };
  for (const copy of [reader, writer]) await whenText(copy, (text) => text === beginning);
});
afterEach(async () => {
  await commands.emitWithAck("run:stop", { documentId });
  writer?.close();
  reader?.close();
});

async function startRun(): Promise<void> {
  const answer = await commands.emitWithAck("run:start", {
    documentId,
    sampling: { maxTokens: null, seed: 11 },
  });
  expect(answer).toMatchObject({ ok: true });
  await whenText(reader, (text) => text.length > beginning.length + 20);
}

async function latestRun(): Promise<Run | null> {
  const answer = await sponsor.json<{ document: DocumentSummary }>(
    "GET",
    `/api/documents/${documentId}`,
  );
  return answer.document.run;
}

/** By itself, or once somebody resumes what waits for the storage. */
async function expectRunGoesOn(): Promise<void> {
  const run = await vi.waitFor(() => latestRun(), waiting);
  expect(run?.reason ?? "storage").toBe("storage");
  if (run?.state === "paused") await commands.emitWithAck("run:resume", { documentId });
  const { length } = reader.text();
  await whenText(reader, (text) => text.length > length + 20);
}

/** The text as it must be: typed and streamed, each once and in order; all copies hold the same. */
async function wholeText(typed: string): Promise<string> {
  await vi.waitFor(() => expect(writer.text()).toBe(reader.text()), waiting);
  const written = await readWrittenText(database, documentId, reader.body);
  expect(written.owned).toBe(written.tokens);
  const stored = await sponsor.request("GET", `/api/documents/${documentId}/text`);
  expect(await stored.text()).toBe(reader.text());
  await expectGaplessLog(database, documentId);
  return `${typed}${beginning}${written.tokens}`;
}

async function pauseRun(): Promise<void> {
  if ((await latestRun())?.state === "paused") return;
  await vi.waitFor(async () => {
    const answer = await commands.emitWithAck("run:pause", { documentId });
    expect(answer).toMatchObject({ ok: true, run: { state: "paused" } });
  }, waiting);
}

test("S1 S2 R12: a database that goes away while a run streams and a person types loses nothing, shows nothing unsaved, and both go on", async () => {
  await startRun();
  writer.body.insert(0, "A", {});
  await whenText(reader, (text) => text.startsWith("A"));
  await vi.waitFor(() => expect(saved).toBeGreaterThan(0));

  await postgres.stop();
  // What was committed just before may still be on its way.
  const committed = await vi.waitFor(async () => {
    const before = reader.text();
    expect((await sponsor.request("GET", "/api/documents")).status).toBe(503);
    expect(reader.text()).toBe(before);
    return before;
  }, waiting);
  const savedBefore = saved;
  for (const [place, letter] of Array.from("BCDEFGH").entries())
    writer.body.insert(place + 1, letter, {});
  for (let asked = 0; asked < 5; asked++) {
    expect((await sponsor.request("GET", `/api/documents/${documentId}/text`)).status).toBe(503);
  }
  expect(await commands.emitWithAck("run:pause", { documentId })).toMatchObject({
    ok: false,
    code: "unavailable",
  });
  expect(reader.text()).toBe(committed);
  expect(saved).toBe(savedBefore);
  expect((await fetch(`${app.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${app.url}/readyz`)).status).toBe(503);

  await postgres.start();
  await vi.waitFor(
    async () => expect((await sponsor.request("GET", "/api/documents")).status).toBe(200),
    waiting,
  );
  await whenText(reader, (text) => text.startsWith("ABCDEFGH"));
  await vi.waitFor(() => expect(saved).toBeGreaterThanOrEqual(savedBefore + 7), waiting);
  await expectRunGoesOn();
  await pauseRun();
  expect(await wholeText("ABCDEFGH")).toBe(reader.text());
});

test("S1 S3 R8: connections that the database drops in the middle of commits, again and again, lose and double nothing", async () => {
  await startRun();
  const killer = new pg.Client({ connectionString: databaseUrl });
  await killer.connect();
  let typed = "";
  for (let round = 0; round < 60; round++) {
    const letter = String.fromCharCode(65 + (round % 26));
    writer.body.insert(typed.length, letter, {});
    typed += letter;
    // Every third time all that was typed gets through first: the next cut meets other commits.
    if (round % 3 === 0) await whenText(reader, (text) => text.startsWith(typed));
    await killer.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
  }
  await killer.end();
  await whenText(reader, (text) => text.startsWith(typed));
  await expectRunGoesOn();
  await pauseRun();
  expect(await wholeText(typed)).toBe(reader.text());
});
