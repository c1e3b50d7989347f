import type { Database } from "../database/database.ts";
import type { Patience } from "./patience.ts";

/** The runs of one document, as far as anyone has asked: text may only be marked with one of them. */
export interface KnownRuns {
  readonly has: (runId: string) => boolean;
  /** Afterwards `has` is right for these. */
  lookUp(runIds: readonly string[]): Promise<void>;
}

export function createKnownRuns(
  documentId: string,
  deps: { database: Database; patience: Patience },
): KnownRuns {
  const { kysely } = deps.database;
  const known = new Set<string>();
  return {
    has: (runId) => known.has(runId),
    async lookUp(runIds) {
      const query = kysely
        .selectFrom("runs")
        .select("id")
        .where("document_id", "=", documentId)
        .where("id", "in", [...runIds]);
      const rows = await deps.patience.retry(() => query.execute());
      for (const { id } of rows) known.add(id);
    },
  };
}
