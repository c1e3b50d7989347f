import type { Database } from "../database/database.ts";
import { createPurging, type Purging } from "../documents/purging.ts";
import { repeat } from "../jobs/repeat.ts";
import type { Logger } from "../observability/logger.ts";
import type { Parts } from "./parts.ts";

const rightsEveryMs = 5_000;
const purgeEveryMs = 60 * 60 * 1000;

/** What happens by itself, again and again. */
export interface Housekeeping {
  purging: Purging;
  close(): Promise<void>;
}

export function startHousekeeping(
  { audit, sync, endRun, policy, news, generation }: Parts,
  { database, logger }: { database: Database; logger: Logger },
): Housekeeping {
  const purging = createPurging({
    database,
    audit,
    rooms: sync.rooms,
    endRun: (actor, documentId) => endRun.ifLive(actor, documentId),
    accountsOn: (documentId) => policy.accountsOn(documentId),
    onAccessChanged: (accountId, documentId) => news.accessChanged(accountId, documentId),
  });
  const tasks = [
    repeat(() => purging.purgeDue(), { name: "purge", everyMs: purgeEveryMs, logger }),
    // Whoever takes a right away tells; where that went lost, a run ends here.
    repeat(() => generation.accessChanged(null, null), {
      name: "rights of runs",
      everyMs: rightsEveryMs,
      logger,
    }),
  ];
  return {
    purging,
    async close() {
      await Promise.all(tasks.map((task) => task.close()));
    },
  };
}
