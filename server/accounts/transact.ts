import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../database/tables.ts";
import { isTransactionConflict } from "../database/unavailable.ts";

const attempts = 5;

/** Runs `task` in a transaction, anew where the database rolled it back for another one's sake. */
export async function transact<Result>(
  kysely: Kysely<Tables>,
  task: (transaction: Transaction<Tables>) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await kysely.transaction().execute(task);
    } catch (error) {
      if (attempt >= attempts || !isTransactionConflict(error)) throw error;
    }
  }
}
