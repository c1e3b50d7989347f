import type { Database } from "../database/database.ts";
import type { Patience } from "./patience.ts";
import { type CommitResult, type DocumentCommit, writeCommit } from "./update-log.ts";

export interface CommitQueue {
  /**
   * Resolves once the commit is durable, or with why it was not written. Waits while the database
   * is away. Rejects when the database refuses it, or when patience ends first.
   */
  commit(commit: DocumentCommit): Promise<CommitResult>;
  /** Resolves once nothing waits. */
  idle(): Promise<void>;
}

interface Waiting {
  commit: DocumentCommit;
  resolve: (result: CommitResult) => void;
  reject: (error: unknown) => void;
}

/**
 * Groups commits naturally, across documents: the first goes at once, what arrives while it runs
 * goes with the next. No timer adds latency.
 */
export function createCommitQueue(deps: { database: Database; patience: Patience }): CommitQueue {
  const { database, patience } = deps;
  let waiting: Waiting[] = [];
  let working: Promise<void> | undefined;

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting.sort((a, b) => (a.commit.documentId < b.commit.documentId ? -1 : 1));
      waiting = [];
      await commitGroup(group);
    }
    working = undefined;
  }

  async function commitGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const results = await patience.retry(() => commitTogether(group));
      group.forEach(({ resolve }, index) => {
        const result = results[index];
        if (result !== undefined) resolve(result);
      });
    } catch (error) {
      if (group.length === 1) group[0]?.reject(error);
      // One document's trouble must not be the others': each alone.
      else for (const each of group) await commitGroup([each]);
    }
  }

  async function commitTogether(group: readonly Waiting[]): Promise<CommitResult[]> {
    const [only] = group;
    // One statement needs no transaction around it.
    if (group.length === 1 && only !== undefined && only.commit.companion === undefined) {
      return [await writeCommit(database.kysely, only.commit)];
    }
    return database.kysely.transaction().execute(async (transaction) => {
      const results: CommitResult[] = [];
      for (const { commit } of group) {
        const result = await writeCommit(transaction, commit);
        if (result.kind === "committed") await commit.companion?.(transaction);
        results.push(result);
      }
      return results;
    });
  }

  return {
    commit(commit) {
      return new Promise((resolve, reject) => {
        waiting.push({ commit, resolve, reject });
        working ??= Promise.resolve().then(work);
      });
    },
    async idle() {
      await working;
    },
  };
}
