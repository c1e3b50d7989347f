import { afterEach, expect, test, vi } from "vitest";
import type { DocumentSummary } from "#shared/http.ts";
import { createLogger } from "../../server/observability/logger.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { watchEngineWorkers } from "../support/engine-workers.ts";
import { demonstrationPassword, whenText } from "../support/person.ts";

let app: TestApp | undefined;
afterEach(() => app?.close());

test("O6: a whole story at the loudest level leaves no text, prompt, token, password or cookie in the logs", async () => {
  const lines: string[] = [];
  const workers = watchEngineWorkers();
  app = await startTestApp({
    loadsModelAhead: true,
    logger: createLogger("trace", { write: (line) => lines.push(line) }),
  });
  workers.stop();

  const sponsor = await app.signIn("sponsor@demo.test");
  const wrong = { email: "sponsor@demo.test", password: "wrong-quetzal" };
  expect((await sponsor.request("POST", "/api/sign-in", wrong)).status).toBe(401);
  const { document } = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "Title quagga",
    body: "Body axolotl went home.",
  });
  const documentId = document.id;
  await sponsor.request("POST", "/api/documents", { title: "Odd okapi", colour: "okapi" });
  const copy = sponsor.open(documentId);
  await whenText(copy, (text) => text.startsWith("Body"));
  const socket = sponsor.socket();
  const tokens: string[] = [];
  socket.on("run:tokens", (event) => tokens.push(...event.tokens.map(({ text }) => text)));
  await socket.emitWithAck("document:join", { documentId });
  const sampling = { maxTokens: null, seed: 1, stop: ["stop-narwhal"] };
  expect(await socket.emitWithAck("run:start", { documentId, sampling })).toMatchObject({
    ok: true,
  });
  copy.body.insert(0, "Typed pangolin. ", {});
  await vi.waitFor(() => expect(tokens.length).toBeGreaterThan(40), { timeout: 15_000 });
  await workers.killNewest();
  const paused = async () =>
    (await sponsor.json<{ document: DocumentSummary }>("GET", `/api/documents/${documentId}`))
      .document.run?.reason;
  await vi.waitFor(async () => expect(await paused()).toBe("engine_lost"), { timeout: 15_000 });
  await socket.emitWithAck("run:resume", { documentId });
  await socket.emitWithAck("run:stop", { documentId });
  const forger = sponsor.open(documentId);
  await whenText(forger, (text) => text.includes("pangolin"));
  const closed = new Promise((resolve) => forger.provider.on("closed", resolve));
  forger.body.insert(0, "Forged\0tapir", {});
  await closed;
  forger.close();
  copy.close();
  socket.close();
  await app.stop();

  const logged = lines.join("");
  expect(logged).toContain("engine lost");
  const secrets = [
    "quagga",
    "axolotl",
    "okapi",
    "pangolin",
    "narwhal",
    "tapir",
    "quetzal",
    demonstrationPassword,
    sponsor.cookie.slice(sponsor.cookie.indexOf("=") + 1),
    ...[0, 10, 20, 30].map((first) =>
      tokens
        .slice(first, first + 6)
        .join("")
        .trim(),
    ),
  ];
  for (const secret of secrets) expect([secret, logged.includes(secret)]).toEqual([secret, false]);
});
