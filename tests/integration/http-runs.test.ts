import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DocumentRun, DocumentSummary, Version } from "#shared/http.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type LiveSocket, type OpenCopy, type Person, whenText } from "../support/person.ts";

const body = "Once upon a time there was a mill by the river.";

let app: TestApp;
let sponsor: Person;
let socket: LiveSocket;
beforeAll(async () => {
  app = await startTestApp();
  sponsor = await app.signIn("sponsor@demo.test");
  socket = sponsor.socket();
});
afterAll(async () => {
  socket.close();
  await app.close();
});

let path: string;
let copy: OpenCopy;
/** A document into which the model is writing. */
beforeEach(async () => {
  const answer = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body,
  });
  const { id } = answer.document;
  path = `/api/documents/${id}`;
  copy = sponsor.open(id);
  await whenText(copy, (text) => text === body);
  return () => copy.close();
});

async function startRun(): Promise<void> {
  const before = copy.text().length;
  const [, documentId = ""] = path.split("documents/");
  const answer = await socket.emitWithAck("run:start", {
    documentId,
    sampling: { maxTokens: null, seed: 7 },
  });
  expect(answer).toMatchObject({ ok: true });
  await whenText(copy, (text) => text.length > before + 20);
}

async function document(): Promise<DocumentSummary> {
  return (await sponsor.json<{ document: DocumentSummary }>("GET", path)).document;
}

test("a run shows in the document's summary, and archiving pauses it", async () => {
  await startRun();
  expect((await document()).run).toMatchObject({
    state: "streaming",
    startedBy: { name: "Sofia" },
  });
  await sponsor.json("PATCH", path, { archived: true });
  expect((await document()).run).toMatchObject({ state: "paused", reason: "by_person" });
});

test("A2: the runs of a document are told to its readers, newest first, and to nobody else", async () => {
  expect(await sponsor.json("GET", `${path}/runs`)).toEqual({ runs: [] });
  await startRun();
  const [, documentId = ""] = path.split("documents/");
  await socket.emitWithAck("run:stop", { documentId });
  await startRun();
  await socket.emitWithAck("run:pause", { documentId });
  const { runs } = await sponsor.json<{ runs: DocumentRun[] }>("GET", `${path}/runs`);
  expect(runs).toMatchObject([
    { state: "paused", reason: "by_person", startedBy: { name: "Sofia" }, seed: 7 },
    { state: "stopped", finishReason: "stopped", changedBy: { name: "Sofia" } },
  ]);
  for (const run of runs) {
    expect(run.tokens).toBeGreaterThan(0);
    expect(Date.parse(run.createdAt)).toBeLessThanOrEqual(Date.now());
  }
  const stranger = await app.signIn("sponsor2@demo.test");
  expect((await stranger.request("GET", `${path}/runs`)).status).toBe(404);
  const admin = await app.signIn("admin@demo.test");
  expect((await admin.request("GET", `${path}/runs`)).status).toBe(404);
  expect((await sponsor.request("GET", "/api/documents/none/runs")).status).toBe(404);
});

test("restoring a version pauses the run, and what was restored stands", async () => {
  const { version } = await sponsor.json<{ version: Version }>("POST", `${path}/versions`, {
    label: "Before the model",
  });
  await startRun();
  await sponsor.json("POST", `${path}/versions/${version.id}/restore`);
  await whenText(copy, (text) => text === body);
  expect((await document()).run).toMatchObject({ state: "paused" });
  expect(await (await sponsor.request("GET", `${path}/text`)).text()).toBe(body);
});

test("A2: an admin sees the run of a document that he cannot read, and may stop it", async () => {
  await startRun();
  const admin = await app.signIn("admin@demo.test");
  const { documents } = await admin.json<{ documents: DocumentSummary[] }>("GET", "/api/documents");
  const seen = documents.find(({ id }) => path.endsWith(id));
  expect(seen).toMatchObject({ role: null, run: { state: "streaming" } });
  const stopping = admin.socket();
  const command = { documentId: seen?.id ?? "" };
  expect(await stopping.emitWithAck("run:pause", command)).toMatchObject({ ok: false });
  expect(await stopping.emitWithAck("run:stop", command)).toMatchObject({
    ok: true,
    run: { state: "stopped" },
  });
  stopping.close();
});

test("R9 O5: closing the server pauses the run as interrupted and keeps its text", async () => {
  const first = await startTestApp();
  const person = await first.signIn("sponsor@demo.test");
  const { document } = await person.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body,
  });
  const reader = person.open(document.id);
  const commands = person.socket();
  await commands.emitWithAck("run:start", {
    documentId: document.id,
    sampling: { maxTokens: null, seed: 7 },
  });
  await whenText(reader, (text) => text.length > body.length + 20);
  await first.stop();
  const seen = reader.text();
  reader.close();
  commands.close();

  const second = await startTestApp({ config: { dataDir: first.dataDir } });
  const again = await second.signIn("sponsor@demo.test");
  const { document: now } = await again.json<{ document: DocumentSummary }>(
    "GET",
    `/api/documents/${document.id}`,
  );
  expect(now.run).toMatchObject({ state: "paused", reason: "interrupted" });
  const text = await (await again.request("GET", `/api/documents/${document.id}/text`)).text();
  expect(text.startsWith(seen)).toBe(true);
  await second.close();
});
