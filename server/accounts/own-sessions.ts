import type { Kysely } from "kysely";
import type { SessionInfo } from "#shared/account.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { NotFoundError } from "../errors.ts";
import type { Sender } from "../http/sender.ts";
import type { Session } from "../http/session.ts";
import { lockAccount } from "./account-lock.ts";
import { oldestSession } from "./session-store.ts";
import { transact } from "./transact.ts";

/** Where one is signed in. */
export interface OwnSessions {
  /** The latest used first. */
  list(session: Session): Promise<SessionInfo[]>;
  /** Throws NotFoundError where the account has no such session. */
  end(session: Session, publicId: string, sender: Sender): Promise<void>;
  /** All but the one that asks. */
  endOthers(session: Session, sender: Sender): Promise<void>;
}

interface OwnSessionsOptions {
  database: Database;
  audit: AuditLog;
  /** Called after a session has ended, so that its open connections end too. */
  onSessionEnded: (sessionId: string) => void;
}

export function createOwnSessions(options: OwnSessionsOptions): OwnSessions {
  const { audit, onSessionEnded } = options;
  const { kysely } = options.database;
  return {
    async list(session) {
      const rows = await kysely
        .selectFrom("sessions")
        .selectAll()
        .where("user_id", "=", session.actor.id)
        .where("expires_at", ">", new Date())
        .where("created_at", ">", oldestSession())
        .orderBy("last_seen_at", "desc")
        .orderBy("id")
        .execute();
      return rows.map((row) => ({
        id: row.id,
        current: row.token_hash === session.id,
        address: row.address,
        userAgent: row.user_agent,
        createdAt: row.created_at.toISOString(),
        lastSeenAt: row.last_seen_at.toISOString(),
      }));
    },

    async end({ actor }, publicId, sender) {
      const ended = await transact(kysely, async (transaction) => {
        await lockAccount(transaction, actor.id);
        const row = await transaction
          .deleteFrom("sessions")
          .where("id", "=", publicId)
          .where("user_id", "=", actor.id)
          .returning("token_hash")
          .executeTakeFirst();
        if (row === undefined) throw new NotFoundError("There is no such session of yours.");
        const target = { kind: "session", id: publicId } as const;
        const entry = { action: "session.ended", actorId: actor.id, target, sender } as const;
        await audit.record(entry, transaction);
        return row;
      });
      onSessionEnded(ended.token_hash);
    },

    async endOthers({ id, actor }, sender) {
      const ended = await transact(kysely, async (transaction) => {
        await lockAccount(transaction, actor.id);
        const others = await endSessions(transaction, actor.id, { except: id });
        await audit.record(
          {
            action: "account.sessions_ended",
            actorId: actor.id,
            target: { kind: "account", id: actor.id },
            sender,
            details: { ended: others.length },
          },
          transaction,
        );
        return others;
      });
      for (const sessionId of ended) onSessionEnded(sessionId);
    },
  };
}

/** Ends sessions of an account whose row is locked; their open connections are to be told once that is committed. */
export async function endSessions(
  transaction: Kysely<Tables>,
  accountId: string,
  { except }: { except?: string } = {},
): Promise<string[]> {
  const all = transaction.deleteFrom("sessions").where("user_id", "=", accountId);
  const concerned = except === undefined ? all : all.where("token_hash", "<>", except);
  const rows = await concerned.returning("token_hash").execute();
  return rows.map((row) => row.token_hash);
}
