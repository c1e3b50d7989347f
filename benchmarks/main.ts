import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Browser, chromium } from "@playwright/test";
import pino from "pino";
import type { RunAnswer } from "#shared/socket-events.ts";
import playwrightConfig from "../playwright.config.ts";
import { createAccounts } from "../server/accounts/accounts.ts";
import { createDemonstrationAccounts } from "../server/accounts/demonstration.ts";
import { openDatabase } from "../server/database/database.ts";
import { type Visitor, visit } from "../tests/e2e/story/people.ts";
import { type LiveSocket, type OpenCopy, signIn, whenText } from "../tests/support/person.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import { type ServerProcess, startServerProcess } from "../tests/support/server-process.ts";
import { atMost, machine, median, percentile, type Report, type Row } from "./report.ts";

const opening = "Once upon a time there was a mill by the river. The miller had three sons. ";
const title = "Benchmark";
const probes = join(import.meta.dirname, "page-probes.js");
const starts = 12;
const keystrokes = 200;
/** With the press itself: a fast typist, twelve keys a second. */
const betweenKeysMs = 60;
const edits = 30;

/** The main path as people meet it: real browsers, the real server, the model that ships. */
export async function run(): Promise<Report> {
  const browser = await chromium.launch(playwrightConfig.use?.launchOptions ?? {});
  const rows: Row[] = [];
  try {
    const embedded = await startServerProcess();
    rows.push(...(await measurePages(browser, embedded, "PGlite")));
    rows.push(await measureReread(embedded));
    rows.push(await measureStart(embedded));
    await embedded.close();
    rows.push(...(await measureOnPostgres(browser)));
  } finally {
    await browser.close();
  }
  return { bench: "main", machine: machine(), rows };
}

async function measureOnPostgres(browser: Browser): Promise<Row[]> {
  const postgres = await startPostgres({ durable: true });
  try {
    const databaseUrl = await postgres.createDatabase("benchmark");
    const server = await startServerProcess(() => ({ DATABASE_URL: databaseUrl }));
    const database = await openDatabase({
      databaseUrl,
      dataDir: "",
      logger: pino({ level: "silent" }),
    });
    await createDemonstrationAccounts(createAccounts({ database, secure: false }));
    await database.close();
    const rows = await measurePages(browser, server, "Postgres");
    await server.close();
    return rows;
  } finally {
    await postgres.remove();
  }
}

/** Start to first token, and keystroke in one browser to seen in another while a run streams. */
async function measurePages(browser: Browser, server: ServerProcess, on: string): Promise<Row[]> {
  const person = await signIn(server.url, "sponsor@demo.test");
  const { document } = await person.json<{ document: { id: string } }>("POST", "/api/documents", {
    title,
    body: opening,
  });
  const assignments = `/api/documents/${document.id}/assignments`;
  await person.json("PUT", assignments, { email: "editor@demo.test", role: "editor" });
  const sponsor = await visit(browser, server.url, "sponsor@demo.test");
  const editor = await visit(browser, server.url, "editor@demo.test");
  for (const visitor of [sponsor, editor]) {
    await visitor.page.addInitScript({ path: probes });
    await visitor.page.reload();
    await visitor.openDocument(title);
  }

  const firstToken = await measureFirstToken(sponsor);
  const socket = person.socket();
  await command(socket, "run:start", document.id, { maxTokens: null, seed: 1 });
  await streamPastWindow(sponsor);
  const seen = await measureKeystrokes(editor, sponsor);
  await command(socket, "run:stop", document.id);
  socket.close();
  await Promise.all([sponsor.close(), editor.close()]);
  return [
    atMost(`Start → first token shown, median (${on})`, "ms", median(firstToken), 150),
    atMost(`keystroke → seen in another browser, p50 (${on})`, "ms", percentile(seen, 0.5), 10),
    atMost(`keystroke → seen in another browser, p99 (${on})`, "ms", percentile(seen, 0.99), 50),
  ];
}

/** Presses Start in the page and waits for the frame that shows the first new characters. */
async function measureFirstToken({ page }: Visitor): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < starts; index++) {
    // While a command is under way the button is busy and takes no press.
    await page.locator('button[aria-busy="false"]', { hasText: /^Start$/ }).waitFor();
    samples.push(await page.evaluate<number>("probes.startAndWatch()"));
    await page.getByRole("button", { name: "Stop", exact: true }).click();
  }
  return samples;
}

/** So many characters are more than the model's window holds. */
const pastWindow = 6_000;

/**
 * Keys are pressed at the top of the text. Once that has left the window the run streams on at full
 * speed; before, each key would have it read again, which has a row of its own.
 */
async function streamPastWindow({ page }: Visitor): Promise<void> {
  await page.waitForFunction(
    // The probes were put on the page's window by page-probes.js.
    (least) => (globalThis as unknown as { probes: { shown(): number } }).probes.shown() > least,
    pastWindow,
  );
}

/** A character that neither the model nor the opening writes. */
const mark = "~";

async function measureKeystrokes(writer: Visitor, reader: Visitor): Promise<number[]> {
  await writer.manuscript.click({ position: { x: 5, y: 5 } });
  await writer.page.keyboard.press("Control+Home");
  await writer.page.evaluate(`probes.watchKeys("${mark}")`);
  await reader.page.evaluate(`probes.watchArrivals("${mark}")`);
  for (let index = 0; index < keystrokes; index++) {
    await writer.page.keyboard.press(mark, { delay: 20 });
    await delay(betweenKeysMs);
  }
  await reader.page.waitForFunction(
    // The probes were put on the page's window by page-probes.js.
    (count) =>
      (globalThis as unknown as { probes: { arrived: number[] } }).probes.arrived.length >= count,
    keystrokes,
  );
  const pressed = await writer.page.evaluate<number[]>("probes.pressed");
  const arrived = await reader.page.evaluate<number[]>("probes.arrived");
  return pressed.map((at, index) => (arrived[index] ?? Number.NaN) - at);
}

/** An edit inside the prompt → the first token that was drawn from the edited prompt. */
async function measureReread(server: ServerProcess): Promise<Row> {
  const person = await signIn(server.url, "sponsor@demo.test");
  const { document } = await person.json<{ document: { id: string } }>("POST", "/api/documents", {
    title: "Read again",
    body: opening.repeat(6),
  });
  const socket = person.socket();
  await socket.emitWithAck("document:join", { documentId: document.id });
  const copy = person.open(document.id);
  await whenText(copy, (text) => text.includes("mill"));
  await command(socket, "run:start", document.id, { maxTokens: null, seed: 1 });
  const samples: number[] = [];
  for (let index = 0; index < edits; index++) {
    await whenText(copy, (text) => text.length > 500 + index * 40);
    samples.push(await editAndWait(socket, copy, index));
  }
  await command(socket, "run:stop", document.id);
  copy.close();
  socket.close();
  return atMost("edit inside the prompt → first token after it, median", "ms", median(samples), 60);
}

function editAndWait(socket: LiveSocket, copy: OpenCopy, index: number): Promise<number> {
  return new Promise((resolve) => {
    let editedAt = 0;
    socket.once("run:reread", () =>
      socket.once("run:tokens", () => resolve(performance.now() - editedAt)),
    );
    editedAt = performance.now();
    copy.body.insert(5 + index, "x");
  });
}

async function measureStart(server: ServerProcess): Promise<Row> {
  const samples: number[] = [];
  for (let index = 0; index < 5; index++) {
    await server.stop();
    samples.push(await server.start());
  }
  return atMost("npm start on a warm clone → ready, median", "ms", median(samples), 3000);
}

async function command(
  socket: LiveSocket,
  event: "run:start" | "run:stop",
  documentId: string,
  sampling?: { maxTokens: null; seed: number },
): Promise<void> {
  const answer: RunAnswer = await socket
    .timeout(10_000)
    .emitWithAck(event, { documentId, ...(sampling === undefined ? {} : { sampling }) });
  if (!answer.ok) throw new Error(`${event}: ${answer.message}`);
}
