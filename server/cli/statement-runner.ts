import { CompiledQuery, type Kysely, sql } from "kysely";
import pg from "pg";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import type { StatementResult } from "./result-table.ts";

export interface RunnerOptions {
  /** Whether what a statement changes is kept. */
  write: boolean;
  /** Postgres ends a statement that takes longer; the embedded database cannot. */
  timeoutMs: number;
}

/** Runs single statements, each in a transaction of its own. */
export interface StatementRunner {
  /** The database's name. */
  name(): Promise<string>;
  /** Rejects with the database's error; two statements at once are one. */
  run(statement: string): Promise<StatementResult>;
  close(): Promise<void>;
}

/**
 * Both ways use the protocol that takes exactly one statement: else `commit; drop table …` would leave
 * the read-only transaction and go on outside of it.
 */
export function openStatementRunner(
  { database, databaseUrl }: { database: Database; databaseUrl: string | undefined },
  options: RunnerOptions,
): StatementRunner {
  return databaseUrl === undefined
    ? createEmbeddedRunner(database.kysely, options)
    : createPostgresRunner(databaseUrl, options);
}

const begin = (write: boolean) => `begin ${write ? "read write" : "read only"}`;
const end = (write: boolean) => (write ? "commit" : "rollback");

function createEmbeddedRunner(kysely: Kysely<Tables>, { write }: RunnerOptions): StatementRunner {
  return {
    async name() {
      const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(
        kysely,
      );
      return rows[0]?.name ?? "";
    },
    run: (statement) =>
      kysely.connection().execute(async (connection) => {
        const query = (text: string) =>
          connection.executeQuery<Record<string, unknown>>(CompiledQuery.raw(text));
        await query(begin(write));
        try {
          const { rows, numAffectedRows } = await query(statement);
          await query(end(write));
          const columns = Object.keys(rows[0] ?? {});
          const count = Number(numAffectedRows ?? rows.length);
          return { columns, rows: rows.map((row) => Object.values(row)), command: "OK", count };
        } catch (error) {
          await query("rollback");
          throw error;
        }
      }),
    // The connection is the database's.
    close: async () => undefined,
  };
}

function createPostgresRunner(
  databaseUrl: string,
  { write, timeoutMs }: RunnerOptions,
): StatementRunner {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 1,
    connectionTimeoutMillis: 5_000,
    statement_timeout: timeoutMs,
    application_name: "palimpsest console",
    // As Postgres writes it: no value is to look like something else.
    types: { getTypeParser: () => (text: string) => text },
  });
  // Lost between two statements: the next one connects again.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return {
    async name() {
      const { rows } = await pool.query<{ name: string }>("select current_database() as name");
      return rows[0]?.name ?? "";
    },
    async run(statement) {
      const client = await pool.connect();
      try {
        await client.query(begin(write));
        const result = await client.query<unknown[]>(oneStatement(statement));
        await client.query(end(write));
        return describe(result);
      } catch (error) {
        await client.query("rollback").catch(() => undefined);
        throw error;
      } finally {
        // What a statement set for its session goes with it.
        client.release(true);
      }
    },
    close: () => pool.end(),
  };
}

/** The extended protocol, which the types do not know yet. */
function oneStatement(text: string): pg.QueryArrayConfig {
  const query = { text, rowMode: "array", queryMode: "extended" } as const;
  return query;
}

function describe(result: pg.QueryArrayResult<unknown[]>): StatementResult {
  const { fields, rows, command, rowCount } = result;
  return {
    columns: fields.map(({ name }) => name),
    rows,
    command: command ?? "OK",
    count: rowCount ?? rows.length,
  };
}
