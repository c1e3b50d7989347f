import type { Kysely } from "kysely";
import type { DeleteAccountInput } from "#shared/account.ts";
import { holdAccount, refuseLastAdmin } from "../accounts/account-lock.ts";
import type { Confirm } from "../accounts/confirmation.ts";
import { forgetPerson, unknownPasswordHash } from "../accounts/former-member.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Tables } from "../database/tables.ts";
import { ConflictError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { Session } from "../http/session.ts";
import { moveEpochs, moveEpochsOf, setArchived } from "./archiving.ts";
import { changeOwner, given, requireStillSponsor, sponsorByEmail } from "./giving.ts";

export interface Departure {
  /**
   * Deletes the account of the session. Its documents go to the sponsor that `giveDocumentsTo`
   * names; else they rest, and are purged after 30 days unless an admin gives them to someone.
   * Throws what `confirm` and `give` throw, and ConflictError `last_admin`.
   */
  leave(session: Session, input: DeleteAccountInput, sender: Sender): Promise<void>;
}

interface DepartureOptions {
  audit: AuditLog;
  /** Throws unless the person who sits there is the account's. */
  confirm: Confirm;
  /** Ends the document's run if it has one, in the place of the account that is gone. */
  endRun: (formerMemberId: string, documentId: string) => Promise<void>;
  onEveryonesAccessChanged: (documentId: string) => Promise<void>;
  onAccessChanged: (accountId: string, documentId: string) => Promise<void>;
  onSessionEnded: (sessionId: string) => void;
  /** Awaited: afterwards the account has nothing open, whatever was begun in the last moment. */
  onAccountChanged: (accountId: string) => Promise<void>;
}

const purgeDelayMs = 30 * 24 * 60 * 60 * 1000;

/** What leaving changed, for those who must be told. */
interface Farewell {
  sessionIds: string[];
  owned: string[];
  others: string[];
  heirId: string | undefined;
}

/** Deletes accounts at their own wish. */
export function createDeparture(options: DepartureOptions): Departure {
  const { audit, confirm } = options;

  async function depart(
    transaction: Kysely<Tables>,
    accountId: string,
    { giveDocumentsTo, passwordHash, sender }: Wish,
  ): Promise<Farewell> {
    refuseLastAdmin(await holdAccount(transaction, accountId));
    const documents = await documentsOf(transaction, accountId);
    const heirId =
      giveDocumentsTo === undefined
        ? await layToRest(transaction, accountId, documents.owned)
        : await giveAll(transaction, documents.owned, { accountId, giveDocumentsTo, sender });
    await transaction.deleteFrom("assignments").where("user_id", "=", accountId).execute();
    const target = { kind: "account", id: accountId } as const;
    const entry = { action: "account.deleted", actorId: accountId, target, sender } as const;
    await audit.record({ ...entry, details: { heirId: heirId ?? null } }, transaction);
    const sessionIds = await forgetPerson(transaction, accountId, passwordHash);
    return { sessionIds, ...documents, heirId };
  }

  /** Resolves with who has them now. */
  async function giveAll(
    transaction: Kysely<Tables>,
    owned: readonly string[],
    {
      accountId,
      giveDocumentsTo,
      sender,
    }: { accountId: string; giveDocumentsTo: string; sender: Sender },
  ): Promise<string> {
    const { id: heirId, name } = await sponsorByEmail(transaction, giveDocumentsTo);
    if (heirId === accountId)
      throw new ConflictError("is_owner", `${name} is the account that would be deleted.`);
    await moveEpochsOf(transaction, [heirId]);
    await requireStillSponsor(transaction, heirId);
    for (const documentId of owned) {
      const gift = { documentId, ownerId: accountId, heirId, actorId: accountId };
      await changeOwner(transaction, gift);
      await audit.record(given({ ...gift, sender }), transaction);
    }
    return heirId;
  }

  async function tell(accountId: string, farewell: Farewell): Promise<void> {
    const { sessionIds, owned, others, heirId } = farewell;
    for (const sessionId of sessionIds) options.onSessionEnded(sessionId);
    await options.onAccountChanged(accountId);
    for (const documentId of [...owned, ...others]) {
      await options.onAccessChanged(accountId, documentId);
      await options.onEveryonesAccessChanged(documentId);
    }
    if (heirId === undefined)
      for (const documentId of owned) await options.endRun(accountId, documentId);
  }

  return {
    async leave(session, { giveDocumentsTo, ...confirmation }, sender) {
      const accountId = session.actor.id;
      const wish = { giveDocumentsTo, passwordHash: await unknownPasswordHash(), sender };
      const farewell = await confirm({ session, sender, confirmation }, (transaction) =>
        depart(transaction, accountId, wish),
      );
      await tell(accountId, farewell);
    },
  };
}

interface Wish {
  giveDocumentsTo: string | undefined;
  passwordHash: string;
  sender: Sender;
}

async function documentsOf(
  transaction: Kysely<Tables>,
  accountId: string,
): Promise<{ owned: string[]; others: string[] }> {
  const owned = await transaction
    .selectFrom("documents")
    .select("id")
    .where("owner_id", "=", accountId)
    .orderBy("id")
    .execute();
  const others = await transaction
    .selectFrom("assignments")
    .select("document_id as id")
    .where("user_id", "=", accountId)
    .where("role", "!=", "owner")
    .where("revoked_at", "is", null)
    .execute();
  return { owned: owned.map(({ id }) => id), others: others.map(({ id }) => id) };
}

async function layToRest(
  transaction: Kysely<Tables>,
  accountId: string,
  owned: readonly string[],
): Promise<undefined> {
  await moveEpochs(transaction, owned);
  for (const documentId of owned) await setArchived(transaction, documentId, true);
  await transaction
    .updateTable("documents")
    .set({ purge_at: new Date(Date.now() + purgeDelayMs) })
    .where("owner_id", "=", accountId)
    .execute();
}
