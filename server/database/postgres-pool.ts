import pg from "pg";
import type { Logger } from "../observability/logger.ts";
import { int8TypeId } from "./type-ids.ts";

const connections = 10;
const connectTimeoutMs = 5_000;
/** A server that stopped answering must not hold a caller for ever. */
const queryTimeoutMs = 30_000;

/** A `pg` pool that reads int8 as number and survives a server that goes away. */
export function openPostgresPool(databaseUrl: string, logger: Logger): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: connections,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    idle_in_transaction_session_timeout: queryTimeoutMs,
    keepAlive: true,
    types: { getTypeParser },
  });
  const onLost = (error: Error) => logger.warn({ err: error }, "database connection lost");
  pool.on("error", onLost);
  // A client that is checked out has no listener of the pool's: its loss would end the process.
  pool.on("connect", (client) => client.on("error", onLost));
  return pool;
}

const getTypeParser: typeof pg.types.getTypeParser = (
  id: number,
  format?: "text" | "binary",
): ((value: string) => unknown) =>
  id === int8TypeId && format !== "binary" ? Number : pg.types.getTypeParser(id, format);
