import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ErrorBody } from "#shared/errors.ts";
import type { DocumentSummary, Version } from "#shared/http.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type OpenCopy, type Person, whenText } from "../support/person.ts";

const body = "Once upon a time there was a mill by the river.";

let app: TestApp;
let owner: Person;
let editor: Person;
beforeAll(async () => {
  app = await startTestApp();
  owner = await app.signIn("sponsor@demo.test");
  editor = await app.signIn("editor@demo.test");
});
afterAll(() => app.close());

let id: string;
let path: string;
/** The editor's tab, open all the while. */
let copy: OpenCopy;
beforeEach(async () => {
  const { document } = await owner.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "T",
    body,
  });
  id = document.id;
  path = `/api/documents/${id}`;
  await owner.json("PUT", `${path}/assignments`, { email: "editor@demo.test", role: "editor" });
  copy = editor.open(id);
  await whenText(copy, (text) => text === body);
  return () => copy.close();
});

const archive = (archived: boolean) => owner.json("PATCH", path, { archived });
const textNow = async () => (await owner.request("GET", `${path}/text`)).text();

test("A8 S8: into an archived document nobody writes, until it is brought back", async () => {
  await archive(true);
  const refused = new Promise((resolve) => {
    copy.provider.on("sync", (synced: boolean) => !synced && resolve(undefined));
  });
  // The third attempt closes the connection, and by then the first two were judged.
  for (const word of ["one ", "two ", "three "]) copy.body.insert(0, word);
  await refused;
  expect(await textNow()).toBe(body);
  copy.close();

  await archive(false);
  copy = editor.open(id);
  await whenText(copy, (text) => text === body);
  copy.body.insert(0, "Again: ");
  await expect.poll(textNow).toBe(`Again: ${body}`);
});

test("A8: bringing it back lets pages that stayed open write at once", async () => {
  await archive(true);
  await archive(false);
  copy.body.insert(0, "Again: ");
  await expect.poll(textNow).toBe(`Again: ${body}`);
});

test("A8: renaming, naming and restoring a version are refused with a sentence, also to the owner", async () => {
  const { version } = await owner.json<{ version: Version }>("POST", `${path}/versions`, {
    label: "V",
  });
  await archive(true);
  const attempts = [
    await owner.request("PATCH", path, { title: "New" }),
    await owner.request("POST", `${path}/versions`, { label: "W" }),
    await owner.request("POST", `${path}/versions/${version.id}/restore`),
  ];
  for (const answer of attempts) {
    expect(answer.status).toBe(403);
    const { error } = (await answer.json()) as ErrorBody;
    expect(error.message).toBe("This document is archived. Its owner can bring it back.");
  }
  expect((await owner.request("GET", `${path}/versions`)).status).toBe(200);
});

test("A8 R2: no run starts or goes on in an archived document; brought back, it resumes", async () => {
  const socket = owner.socket();
  const start = { documentId: id, sampling: { maxTokens: null, seed: 7 } };
  expect(await socket.emitWithAck("run:start", start)).toMatchObject({ ok: true });
  await whenText(copy, (text) => text.length > body.length + 20);
  await archive(true);
  const refusal = { ok: false, code: "forbidden", message: expect.stringContaining("archived") };
  expect(await socket.emitWithAck("run:resume", { documentId: id })).toMatchObject(refusal);
  await archive(false);
  expect(await socket.emitWithAck("run:resume", { documentId: id })).toMatchObject({ ok: true });
  await socket.emitWithAck("run:stop", { documentId: id });
  await archive(true);
  expect(await socket.emitWithAck("run:start", start)).toMatchObject(refusal);
  socket.close();
});

test("A9: a run started at the very moment of archiving does not write", async () => {
  const socket = owner.socket();
  const start = { documentId: id, sampling: { maxTokens: null, seed: 7 } };
  for (let round = 0; round < 10; round++) {
    const started = socket.emitWithAck("run:start", start);
    // The later rounds archive further into the Start.
    for (let turn = 0; turn < round * 3; turn++) await new Promise(setImmediate);
    await archive(true);
    await started;
    const { run } = (await owner.json<{ document: DocumentSummary }>("GET", path)).document;
    expect(run?.state ?? "none").toMatch(/^(none|paused|stopped)$/);
    const text = await textNow();
    await archive(false);
    expect(await textNow()).toBe(text);
    await socket.emitWithAck("run:stop", { documentId: id });
  }
  socket.close();
});

test("A9: a paused run can be stopped there, by those who may stop it, and the text stays", async () => {
  const socket = owner.socket();
  const start = { documentId: id, sampling: { maxTokens: null, seed: 7 } };
  expect(await socket.emitWithAck("run:start", start)).toMatchObject({ ok: true });
  await whenText(copy, (text) => text.length > body.length + 20);
  await archive(true);
  const text = await textNow();
  expect(await socket.emitWithAck("run:stop", { documentId: id })).toMatchObject({
    ok: true,
    run: { state: "stopped", finishReason: "stopped" },
  });
  expect(await textNow()).toBe(text);
  await archive(false);
  expect(await socket.emitWithAck("run:start", start)).toMatchObject({ ok: true });
  await socket.emitWithAck("run:stop", { documentId: id });
  socket.close();
});

test("A1: the owner still decides who reads it", async () => {
  await archive(true);
  const { user } = await editor.json<{ user: { id: string } }>("GET", "/api/me");
  expect((await owner.request("DELETE", `${path}/assignments/${user.id}`)).status).toBe(204);
  expect((await editor.request("GET", path)).status).toBe(404);
});
