/** Runs tasks of the same document one after the other; those of different documents together. */
export interface DocumentQueue {
  run<Result>(documentId: string, task: () => Promise<Result>): Promise<Result>;
}

/** A document takes memory here only while a task of its own runs or waits. */
export function createDocumentQueue(): DocumentQueue {
  const last = new Map<string, Promise<unknown>>();
  return {
    run(documentId, task) {
      const before = last.get(documentId) ?? Promise.resolve();
      const mine = before.then(task);
      // The next task waits for this one whether it succeeds or not.
      const settled = mine.catch(() => undefined);
      last.set(documentId, settled);
      void settled.then(() => {
        if (last.get(documentId) === settled) last.delete(documentId);
      });
      return mine;
    },
  };
}
