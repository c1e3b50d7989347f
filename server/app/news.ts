import type { DocumentPolicy } from "../documents/access.ts";
import type { Generation } from "../generation/generation.ts";
import type { Logger } from "../observability/logger.ts";
import type { Sockets } from "../sockets/sockets.ts";
import type { Sync } from "../sync/sync.ts";

/** Carries what one part learned to the others that must act on it. */
export interface News {
  /** Lets the lists of everyone on the document look again. */
  documentChanged(documentId: string): void;
  /** When it resolves, nothing of the account's old role is left on open connections. */
  accessChanged(accountId: string, documentId: string): Promise<void>;
  /** The same for all who are on the document. */
  everyonesAccessChanged(documentId: string): Promise<void>;
  sessionEnded(sessionId: string): void;
}

interface NewsOptions {
  policy: DocumentPolicy;
  /** Asked for when there is news: the parts are made after those that bring it. */
  parts: () => { sync: Sync; sockets: Sockets; generation: Generation };
  logger: Logger;
}

export function createNews({ policy, parts, logger }: NewsOptions): News {
  async function tellLists(documentId: string): Promise<void> {
    for (const accountId of await policy.accountsOn(documentId))
      parts().sockets.toAccount(accountId, "documents:changed", { documentId });
  }

  function documentChanged(documentId: string): void {
    tellLists(documentId).catch((error: unknown) =>
      logger.warn({ error }, "change of a document not told"),
    );
  }

  async function judgeAnew(accountId: string, documentId: string): Promise<void> {
    const { sync, sockets, generation } = parts();
    const told = await Promise.allSettled([
      sync.rooms.accessChanged(accountId, documentId),
      sockets.accessChanged(accountId, documentId),
      generation.accessChanged(accountId, documentId),
    ]);
    for (const one of told)
      if (one.status === "rejected")
        logger.error({ error: one.reason }, "change of access not told");
  }

  return {
    documentChanged,
    async accessChanged(accountId, documentId) {
      await judgeAnew(accountId, documentId);
      // No longer on the document, it is not among those that are told below.
      parts().sockets.toAccount(accountId, "documents:changed", { documentId });
      documentChanged(documentId);
    },
    async everyonesAccessChanged(documentId) {
      const accountIds = await policy.accountsOn(documentId);
      await Promise.all(accountIds.map((accountId) => judgeAnew(accountId, documentId)));
      // A run outlasts its starter's place on the document.
      await parts().generation.accessChanged(null, documentId);
      documentChanged(documentId);
    },
    sessionEnded(sessionId) {
      const { sync, sockets } = parts();
      sockets.sessionEnded(sessionId);
      sync.sessionEnded(sessionId);
    },
  };
}
