import { createHash } from "node:crypto";
import type { Database } from "../database/database.ts";
import type { Logger } from "../observability/logger.ts";

/** A document's whole state up to `seq`, as one update. */
export interface Snapshot {
  seq: number;
  state: Uint8Array;
}

export interface Snapshots {
  /** The newest undamaged one at or before `seq`; undefined where the log alone must do. */
  latest(documentId: string, seq: number): Promise<Snapshot | undefined>;
  /** Stores one and keeps the last two. */
  keep(documentId: string, snapshot: Snapshot): Promise<void>;
}

const kept = 2;

/** Snapshots only make loading fast: the log holds everything, so a damaged one costs time alone. */
export function createSnapshots(deps: { database: Database; logger: Logger }): Snapshots {
  const { kysely } = deps.database;
  return {
    async latest(documentId, seq) {
      const rows = await kysely
        .selectFrom("document_snapshots")
        .selectAll()
        .where("document_id", "=", documentId)
        .where("seq", "<=", seq)
        .orderBy("seq", "desc")
        .execute();
      for (const row of rows) {
        if (digest(row.state) === row.sha256) return { seq: row.seq, state: row.state };
        deps.logger.warn({ documentId, seq: row.seq }, "snapshot is damaged and was passed over");
      }
      return undefined;
    },
    async keep(documentId, { seq, state }) {
      await kysely.transaction().execute(async (transaction) => {
        await transaction
          .insertInto("document_snapshots")
          .values({ document_id: documentId, seq, state, sha256: digest(state) })
          .onConflict((conflict) =>
            conflict.columns(["document_id", "seq"]).doUpdateSet((row) => ({
              state: row.ref("excluded.state"),
              sha256: row.ref("excluded.sha256"),
            })),
          )
          .execute();
        const older = await transaction
          .selectFrom("document_snapshots")
          .select("seq")
          .where("document_id", "=", documentId)
          .orderBy("seq", "desc")
          .offset(kept - 1)
          .limit(1)
          .executeTakeFirst();
        if (older === undefined) return;
        await transaction
          .deleteFrom("document_snapshots")
          .where("document_id", "=", documentId)
          .where("seq", "<", older.seq)
          .execute();
      });
      await kysely
        .updateTable("documents")
        .set({ snapshot_seq: seq })
        .where("id", "=", documentId)
        .where("snapshot_seq", "<", seq)
        .execute();
    },
  };
}

const digest = (state: Uint8Array) => createHash("sha256").update(state).digest("hex");
