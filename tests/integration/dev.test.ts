import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DocumentSummary } from "#shared/http.ts";
import { freePort } from "../support/free-port.ts";
import { signIn, whenText } from "../support/person.ts";
import { copyEmptyDatabase } from "../support/pglite.ts";

const root = resolve(import.meta.dirname, "../..");
const starting = { timeout: 45_000, interval: 50 };

let development: ChildProcess;
let dataDir: string;
let page: string;
let server: string;
let printed = "";
beforeAll(async () => {
  dataDir = await copyEmptyDatabase();
  const [port, vitePort] = [await freePort(), await freePort()];
  page = `http://localhost:${vitePort}`;
  server = `http://127.0.0.1:${port}`;
  development = spawn(process.execPath, ["scripts/dev.mjs"], {
    cwd: root,
    // A process group of its own, as a terminal's.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_ENV: "",
      DATA_DIR: dataDir,
      PORT: String(port),
      VITE_PORT: String(vitePort),
    },
  });
  for (const stream of [development.stdout, development.stderr])
    stream?.on("data", (bytes: Buffer) => {
      printed += bytes.toString();
    });
});
afterAll(async () => {
  if (development.exitCode === null && development.kill("SIGTERM")) await once(development, "exit");
  await rm(dataDir, { recursive: true, force: true });
});

async function answers(path: string): Promise<Response> {
  const answer = await fetch(`${page}${path}`);
  expect(answer.status, printed).toBe(200);
  return answer;
}

/** What a terminal does at Ctrl-C: every process of the group gets the signal. */
async function pressControlC(): Promise<unknown[]> {
  if (development.pid === undefined) throw new Error("npm run dev did not start");
  const gone = once(development, "exit");
  process.kill(-development.pid, "SIGINT");
  return gone;
}

test("O1 O5: npm run dev serves the page from source, passes everything live on to the server, and Ctrl-C closes both", async () => {
  const html = await vi.waitFor(async () => (await answers("/")).text(), starting);
  const entry = /<script type="module" src="([^"@]+)"/.exec(html)?.[1];
  expect(entry, html).toBeDefined();
  const script = await answers(entry ?? "");
  expect(script.headers.get("content-type")).toContain("javascript");

  const sponsor = await vi.waitFor(() => signIn(page, "sponsor@demo.test"), starting);
  const { document } = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "Made while developing",
    body: "Once upon a time.",
  });
  const copy = sponsor.open(document.id);
  await whenText(copy, (text) => text === "Once upon a time.");
  copy.close();
  const socket = sponsor.socket();
  const joined = await socket.emitWithAck("document:join", { documentId: document.id });
  expect(joined).toMatchObject({ ok: true });
  socket.close();

  expect(existsSync(join(dataDir, "database.lock"))).toBe(true);
  expect(await pressControlC(), printed).toEqual([0, null]);
  expect(existsSync(join(dataDir, "database.lock")), printed).toBe(false);
  for (const address of [page, server])
    await expect(fetch(address)).rejects.toThrow("fetch failed");
});
