import { sql } from "kysely";
import { UnavailableError } from "../errors.ts";
import { type Database, type DatabaseOptions, openDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";

/**
 * The database with its schema up to date. Throws AppError with one readable sentence when it is in
 * use by another process, cannot be reached, or cannot be migrated; nothing stays open then.
 */
export async function openMigratedDatabase(options: DatabaseOptions): Promise<Database> {
  const database = await openDatabase(options);
  try {
    await sql`select 1`.execute(database.kysely).catch((cause: unknown) => {
      throw unreachable(cause);
    });
    await migrate(database, options.logger);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Says what the driver says, which names host or user, never the password. */
function unreachable(cause: unknown): UnavailableError {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const reason = first instanceof Error ? first.message : String(first);
  return new UnavailableError(`The database cannot be reached: ${reason}.`, cause);
}
