import { type Config, readConfig } from "../config.ts";
import type { Database } from "../database/database.ts";
import { openMigratedDatabase } from "../database/open-migrated.ts";
import { createLogger, type Logger } from "../observability/logger.ts";

/** Opens and migrates the configured database for the time of one command. */
export async function withDatabase(
  use: (parts: { database: Database; config: Config; logger: Logger }) => Promise<void>,
): Promise<void> {
  const config = readConfig();
  const logger = createLogger("warn");
  const { databaseUrl, dataDir } = config;
  const database = await openMigratedDatabase({ databaseUrl, dataDir, logger });
  try {
    await use({ database, config, logger });
  } finally {
    await database.close();
  }
}
