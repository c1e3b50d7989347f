import type { AccountEnded } from "#shared/socket-events.ts";
import type { DocumentPolicy } from "../documents/access.ts";
import type { Generation } from "../generation/generation.ts";
import type { Logger } from "../observability/logger.ts";
import type { Sockets } from "../sockets/sockets.ts";
import type { Sync } from "../sync/sync.ts";

/** Carries what one part learned to the others that must act on it. */
export interface News {
  /** Lets the lists of everyone on the document look again. */
  documentChanged(documentId: string): void;
  /** The same where nothing but its run changed, and the versions that this keeps. */
  runChanged(documentId: string): void;
  /** When it resolves, nothing of the account's old role is left on open connections. */
  accessChanged(accountId: string, documentId: string): Promise<void>;
  /** The same for all who are on the document. */
  everyonesAccessChanged(documentId: string): Promise<void>;
  sessionEnded(sessionId: string): void;
  /**
   * The account's state or role changed, or sessions of it ended: when it resolves, nothing is open
   * that it may not have. `ended` is its people's last word before their connections end.
   */
  accountChanged(accountId: string, ended?: AccountEnded): Promise<void>;
  /** Presence and lists show the account's new name. */
  accountRenamed(accountId: string): Promise<void>;
  /** Tells admins how many requests wait. */
  queueChanged(): void;
}

interface NewsOptions {
  policy: DocumentPolicy;
  countWaiting: () => Promise<number>;
  /** Asked for when there is news: the parts are made after those that bring it. */
  parts: () => { sync: Sync; sockets: Sockets; generation: Generation };
  logger: Logger;
}

export function createNews({ policy, countWaiting, parts, logger }: NewsOptions): News {
  /** One count after the other: the last that is told is the last that was read. */
  let telling: Promise<void> = Promise.resolve();

  async function tellAdmins(): Promise<void> {
    const count = await countWaiting();
    parts().sockets.toAdmins("admin:waiting", { count });
  }

  async function tellLists(documentId: string, onlyRun: boolean): Promise<void> {
    for (const accountId of await policy.accountsOn(documentId))
      parts().sockets.toAccount(accountId, "documents:changed", { documentId, onlyRun });
  }

  function changed(documentId: string, onlyRun: boolean): void {
    tellLists(documentId, onlyRun).catch((error: unknown) =>
      logger.warn({ error }, "change of a document not told"),
    );
  }

  const documentChanged = (documentId: string) => changed(documentId, false);

  async function judgeAnew(accountId: string, documentId: string | null): Promise<void> {
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
    runChanged: (documentId) => changed(documentId, true),
    async accessChanged(accountId, documentId) {
      await judgeAnew(accountId, documentId);
      // No longer on the document, it is not among those that are told below.
      parts().sockets.toAccount(accountId, "documents:changed", { documentId, onlyRun: false });
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
    async accountChanged(accountId, ended) {
      if (ended !== undefined) parts().sockets.toAccount(accountId, "account:ended", ended);
      await judgeAnew(accountId, null);
    },
    async accountRenamed(accountId) {
      const renamed = parts().sync.rooms.accessChanged(accountId, null);
      for (const documentId of await policy.documentsOf(accountId)) documentChanged(documentId);
      await renamed;
    },
    queueChanged() {
      telling = telling
        .then(tellAdmins)
        .catch((error: unknown) => logger.warn({ error }, "change of the queue not told"));
    },
  };
}
