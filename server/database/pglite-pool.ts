import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PGlite } from "@electric-sql/pglite";
import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import { childEnvironment } from "../config/child-process.ts";
import type { Logger } from "../observability/logger.ts";
import { type DataFolderLock, lockDataFolder } from "./data-folder-lock.ts";
import { PreparedStatements } from "./prepared-statements.ts";
import { int8TypeId } from "./type-ids.ts";

const initdbScript = fileURLToPath(new URL("./initdb.mjs", import.meta.url));

/** Locks `dataDir`, creates the database in it at the first start, and opens it as a pool of one. */
export async function openPglitePool(dataDir: string, logger: Logger): Promise<PostgresPool> {
  await mkdir(dataDir, { recursive: true });
  const lock = await lockDataFolder(join(dataDir, "database.lock"), dataDir);
  try {
    const folder = join(dataDir, "database");
    if (!existsSync(folder)) await initialise(folder, logger);
    const pglite = await PGlite.create(folder, { parsers: { [int8TypeId]: Number } });
    return createPool(pglite, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * The first start takes 800 MB for a moment: a short child process gives them back. It works beside
 * the folder and is renamed into place, so that a start that was cut off leaves no half database.
 */
async function initialise(folder: string, logger: Logger): Promise<void> {
  logger.info("creating the embedded database");
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await promisify(execFile)(process.execPath, [initdbScript, unfinished], {
    env: childEnvironment(),
  });
  await rename(unfinished, folder);
}

/** PGlite has one connection: it goes from hand to hand, first come first served. */
function createPool(pglite: PGlite, lock: DataFolderLock): PostgresPool {
  const statements = new PreparedStatements(pglite);
  let last: Promise<void> = Promise.resolve();
  return {
    async connect() {
      const turn = last;
      const { promise: done, resolve: release } = withResolvers();
      last = turn.then(() => done);
      await turn;
      return createClient(statements, release);
    },
    async end() {
      await last;
      await pglite.close();
      await lock.release();
    },
  };
}

function createClient(statements: PreparedStatements, release: () => void): PostgresPoolClient {
  async function query<Row>(
    statement: string,
    parameters: readonly unknown[],
  ): Promise<PostgresQueryResult<Row>> {
    const result = await statements.query<Row>(statement, parameters);
    return {
      rows: result.rows,
      rowCount: result.affectedRows ?? result.rows.length,
      // Kysely compares it with the four that change rows; PGlite gives the server's own tag.
      command: (result.command ?? "SELECT") as PostgresQueryResult<Row>["command"],
    };
  }
  // Kysely's other overload takes a cursor, which needs a cursor class that we never configure.
  return { query: query as PostgresPoolClient["query"], release };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
