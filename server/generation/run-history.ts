import type { DocumentRun } from "#shared/http.ts";
import type { Database } from "../database/database.ts";
import { toRun } from "./run-record.ts";
import { createRunStore } from "./run-store.ts";

/** More than anyone looks through; a document's oldest runs are left out beyond it. */
const maxRuns = 200;

/** Reads a document's runs, newest first, as they were last committed. */
export function createRunHistory(
  database: Database,
): (documentId: string) => Promise<DocumentRun[]> {
  const store = createRunStore(database);
  return async (documentId) => {
    const runs = await store.history(documentId, maxRuns);
    return runs.map(({ record, createdAt }) => ({
      ...toRun(record),
      createdAt: createdAt.toISOString(),
    }));
  };
}
