import { Kysely, PostgresDialect, type PostgresPool, sql } from "kysely";
import type { Logger } from "../observability/logger.ts";
import { openPglitePool } from "./pglite-pool.ts";
import { openPostgresPool } from "./postgres-pool.ts";
import type { Tables } from "./tables.ts";

/** Kysely over Postgres or over the embedded PGlite; the same SQL and the same types on both. */
export interface Database {
  readonly kysely: Kysely<Tables>;
  readonly kind: "postgres" | "pglite";
  /** Whether a query gets an answer now. */
  ready(): Promise<boolean>;
  /** Idempotent; queries that run are waited for. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** A Postgres connection string; absent: embedded PGlite in `dataDir`. */
  databaseUrl?: string | undefined;
  dataDir: string;
  logger: Logger;
}

/**
 * Opens the database. PGlite locks its folder and throws AppError `data_folder_in_use` when another
 * process has it; Postgres is connected to lazily and may come and go (`isDatabaseUnavailable`).
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { databaseUrl, dataDir, logger } = options;
  return databaseUrl === undefined
    ? createDatabase("pglite", await openPglitePool(dataDir, logger))
    : createDatabase("postgres", openPostgresPool(databaseUrl, logger));
}

function createDatabase(kind: Database["kind"], pool: PostgresPool): Database {
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  let closing: Promise<void> | undefined;
  return {
    kysely,
    kind,
    async ready() {
      try {
        await sql`select 1`.execute(kysely);
        return true;
      } catch {
        return false;
      }
    },
    close() {
      // Kysely's destroy ends the pool only when a query ran before.
      closing ??= sql`select 1`
        .execute(kysely)
        .catch(() => undefined)
        .then(() => kysely.destroy());
      return closing;
    },
  };
}
