import { Migrator } from "kysely";
import { AppError } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";
import type { Database } from "./database.ts";
import { migrations } from "./migrations.ts";

/**
 * Brings the schema up to date; a lock in the database lets one of several processes do it while
 * the others wait. Throws AppError `migration_failed` that names the step, with the cause attached.
 */
export async function migrate(database: Database, logger: Logger): Promise<void> {
  const migrator = new Migrator({
    db: database.kysely,
    provider: { getMigrations: async () => ({ ...migrations }) },
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  for (const { migrationName, status } of results) {
    if (status === "Success") logger.info({ migration: migrationName }, "schema migrated");
  }
  if (error === undefined) return;
  const failed = results.find(({ status }) => status === "Error")?.migrationName;
  const where = failed === undefined ? "" : ` at ${failed}`;
  const reason = error instanceof Error ? error.message : "unknown reason";
  throw new AppError(
    "migration_failed",
    503,
    `The database schema could not be brought up to date${where}: ${reason}`,
    { cause: error },
  );
}
