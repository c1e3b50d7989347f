import type { AuditLog } from "../audit/audit-log.ts";
import type { Config } from "../config.ts";
import type { Database } from "../database/database.ts";
import { liveRunsByModel } from "../generation/live-runs-by-model.ts";
import { createHub } from "../model-library/hub.ts";
import { createImportProcess } from "../model-library/import-process.ts";
import { createModelDesk, type ModelDesk } from "../model-library/model-desk.ts";
import type { ModelLibrary } from "../model-library/model-library.ts";
import type { Logger } from "../observability/logger.ts";

interface Parts {
  config: Config;
  database: Database;
  models: ModelLibrary;
  audit: AuditLog;
  logger: Logger;
}

/** What admins do with models, on this server. */
export function openModelDesk({ config, database, ...parts }: Parts): ModelDesk {
  return createModelDesk({
    ...parts,
    modelsDir: config.modelsDir,
    hub: createHub(config.hub),
    convert: createImportProcess(),
    countLiveRuns: () => liveRunsByModel(database),
  });
}
