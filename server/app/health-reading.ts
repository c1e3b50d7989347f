import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { z } from "zod";
import type { Health } from "#shared/admin.ts";
import { liveRunStates } from "#shared/run.ts";
import type { Database } from "../database/database.ts";
import type { ModelLibrary } from "../model-library/model-library.ts";
import type { EventLoopDelay } from "../observability/event-loop-delay.ts";
import type { Sync } from "../sync/sync.ts";

interface HealthOptions {
  database: Database;
  models: ModelLibrary;
  sync: Pick<Sync, "counts">;
  /** Open Socket.IO connections. */
  socketCount: () => number;
  isModelReady: () => boolean;
  mail: { configured: boolean; count: () => Promise<{ waiting: number; failed: number }> };
  eventLoopDelay: Pick<EventLoopDelay, "read">;
}

/** The numbers of this server and its database, as they are when it is asked. */
export function createHealthReading(options: HealthOptions): () => Promise<Health> {
  const { database, models, sync, mail, eventLoopDelay } = options;
  const version = readVersion();
  const startedAt = new Date(Date.now() - process.uptime() * 1000).toISOString();
  return async () => {
    const [stored, open, queued] = await Promise.all([
      readStored(database),
      sync.counts(),
      mail.count(),
    ]);
    const model = models.list().find((one) => one.default);
    const damaged = models.unusable().find((one) => one.default);
    return {
      version,
      startedAt,
      // Had it not answered, nothing of this would be told.
      database: { kind: database.kind, ready: true, sizeBytes: stored.size },
      model: { ready: options.isModelReady(), name: model?.name ?? damaged?.id ?? null },
      engines: models.engines().map((engine) => ({ ...engine, problem: engine.problem ?? null })),
      connections: { sockets: options.socketCount(), sync: open.connections },
      documents: { total: stored.documents, open: open.documents, liveRuns: stored.runs },
      memoryBytes: process.memoryUsage.rss(),
      eventLoopDelayMs: eventLoopDelay.read(),
      mail: { configured: mail.configured, ...queued },
    };
  };
}

async function readStored({ kysely }: Database) {
  const { rows } = await sql<{ size: number; documents: number; runs: number }>`
    select pg_database_size(current_database()) as size,
      (select count(*) from documents) as documents,
      (select count(*) from runs where state in (${sql.join([...liveRunStates])})) as runs
  `.execute(kysely);
  const [row] = rows;
  if (row === undefined) throw new Error("a select without from gave no row");
  return row;
}

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
