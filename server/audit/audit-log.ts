import type { Kysely } from "kysely";
import type { AuditAction, AuditTargetKind } from "#shared/audit.ts";
import { printableLine } from "#shared/printable-line.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import type { Sender } from "../http/sender.ts";

/** One thing that somebody did. */
export interface AuditEntry {
  action: AuditAction;
  /** null: the server itself, or nobody that is known. */
  actorId: string | null;
  target?: { kind: AuditTargetKind; id: string };
  /** Absent: not from the network (command line, the server itself). */
  sender?: Pick<Sender, "address" | "requestId">;
  /** What changed, without text of documents, passwords or tokens. */
  details?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Who did what to whom, when, from where; the database refuses to change or remove a row. */
export interface AuditLog {
  /** Writes one entry, in `transaction` where what it tells of is written there. */
  record(entry: AuditEntry, transaction?: Kysely<Tables>): Promise<void>;
}

export function createAuditLog({ kysely }: Database): AuditLog {
  return {
    async record({ action, actorId, target, sender, details = {} }, transaction = kysely) {
      await transaction
        .insertInto("audit_events")
        .values({
          action,
          actor_id: actorId,
          target_kind: target?.kind ?? null,
          target_id: target?.id ?? null,
          address: sender === undefined ? null : printableLine(sender.address),
          request_id: sender?.requestId ?? null,
          details: JSON.stringify(details, printableValue),
        })
        .execute();
    },
  };
}

/** What people wrote stays on its line, so that no entry can look like two. */
function printableValue(_name: string, value: unknown): unknown {
  return typeof value === "string" ? printableLine(value) : value;
}
