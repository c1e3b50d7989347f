import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as Y from "yjs";
import { type Database, openDatabase } from "../server/database/database.ts";
import { migrate } from "../server/database/migrate.ts";
import { silent } from "../tests/support/pglite.ts";
import { startPostgres } from "../tests/support/postgres.ts";
import {
  addAccount,
  addDocument,
  openTab,
  type SyncServer,
  startSyncServer,
  type Tab,
} from "../tests/support/sync-server.ts";
import { atMost, machine, percentile, type Report, type Row } from "./report.ts";

const flushIntervalMs = 40;
const keystrokeIntervalMs = 30;
const targets = { p50Ms: 10, p99Ms: 50 } as const;

/** From a keystroke in one y-websocket client to its sight in another, durable, while a run streams. */
export async function run({ full }: { full: boolean }): Promise<Report> {
  const keystrokes = full ? 2_000 : 300;
  const rows = [
    ...(await withPglite((database) => measure("PGlite", database, keystrokes))),
    ...(await withPostgres((database) => measure("Postgres", database, keystrokes))),
  ];
  return { bench: "sync", machine: machine(), rows };
}

async function measure(name: string, database: Database, keystrokes: number): Promise<Row[]> {
  for (const account of ["ann", "ben"]) await addAccount(database, account);
  const id = await addDocument(database, "measured", { ann: "owner", ben: "editor" });
  const server = await startSyncServer(database);
  const [ann, ben] = [openTab(server.url, id, "ann"), openTab(server.url, id, "ben")];
  await Promise.all([ann.synced(), ben.synced()]);
  const stream = startStream(server, id);
  await typeAndWatch(ann, ben, 30);
  const latencies = await typeAndWatch(ann, ben, keystrokes);
  await stream.stop();
  for (const tab of [ann, ben]) tab.close();
  await server.close();
  const what = `keystroke seen by another, durable, while a run streams (${name})`;
  return [
    atMost(`${what}, p50`, "ms", percentile(latencies, 0.5), targets.p50Ms),
    atMost(`${what}, p99`, "ms", percentile(latencies, 0.99), targets.p99Ms),
  ];
}

/** Types one character after another at the start; milliseconds until each is in the other's text. */
async function typeAndWatch(writer: Tab, reader: Tab, keystrokes: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let count = 0; count < keystrokes; count++) {
    await pause(keystrokeIntervalMs);
    const since = performance.now();
    writer.body.insert(0, "k");
    await untilSeen(reader, writer);
    latencies.push(performance.now() - since);
  }
  return latencies;
}

/** Resolves as soon as the reader has all that the writer wrote. */
function untilSeen(reader: Tab, writer: Tab): Promise<void> {
  const { clientID } = writer.doc;
  const wanted = Y.getState(writer.doc.store, clientID);
  return new Promise((resolve) => {
    const look = () => {
      if (Y.getState(reader.doc.store, clientID) < wanted) return;
      reader.doc.off("update", look);
      resolve();
    };
    reader.doc.on("update", look);
  });
}

/** The server's writer: a flush of a few tokens each 40 ms, as a run makes them. */
function startStream(server: SyncServer, documentId: string): { stop(): Promise<void> } {
  let streaming = true;
  const origin = { kind: "run", runId: "benchmark", actorId: "ann" } as const;
  async function stream(): Promise<void> {
    const room = await server.sync.rooms.open(documentId);
    while (streaming) {
      await room.write(origin, (doc) => {
        const body = doc.getText("body");
        body.insert(body.length - 1, " and so it went on", {});
      });
      await pause(flushIntervalMs);
    }
    room.release();
  }
  const done = stream();
  return {
    async stop() {
      streaming = false;
      await done;
    },
  };
}

async function withPglite<Result>(use: (database: Database) => Promise<Result>): Promise<Result> {
  const dataDir = await mkdtemp(join(tmpdir(), "palimpsest-benchmark-"));
  const database = await openDatabase({ dataDir, logger: silent });
  try {
    await migrate(database, silent);
    return await use(database);
  } finally {
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function withPostgres<Result>(use: (database: Database) => Promise<Result>): Promise<Result> {
  const server = await startPostgres({ durable: true });
  const databaseUrl = await server.createDatabase("benchmark");
  const database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
  try {
    await migrate(database, silent);
    return await use(database);
  } finally {
    await database.close();
    await server.remove();
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
