import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DocumentSummary } from "#shared/http.ts";
import type { Run } from "#shared/run.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { LiveSocket, Person } from "../support/person.ts";

let app: TestApp;
let sponsor: Person;
let socket: LiveSocket;
const states: Run[] = [];
beforeAll(async () => {
  app = await startTestApp({ config: { engineMemoryMb: 1 } });
  sponsor = await app.signIn("sponsor@demo.test");
  socket = sponsor.socket();
  socket.on("run:state", ({ run }) => states.push(run));
});
afterAll(async () => {
  socket.close();
  await app.close();
});

test("E20: a run for which there is no memory pauses and says so, and a shorter one writes", async () => {
  const { document } = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "Small",
    body: "Once upon a time.",
  });
  const documentId = document.id;
  await socket.emitWithAck("document:join", { documentId });
  await socket.emitWithAck("run:start", { documentId, sampling: { maxTokens: 400, seed: 1 } });
  await vi.waitFor(
    () => expect(states.at(-1)).toMatchObject({ state: "paused", reason: "engine_full" }),
    { timeout: 15_000 },
  );

  await socket.emitWithAck("run:tune", {
    documentId,
    sampling: { maxTokens: 8, minTokens: 8, seed: 1 },
  });
  await socket.emitWithAck("run:resume", { documentId });
  await vi.waitFor(() => expect(states.at(-1)).toMatchObject({ state: "finished", tokens: 8 }), {
    timeout: 15_000,
  });
});
