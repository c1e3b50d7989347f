import { sql } from "kysely";
import { type AuditEvent, type AuditQuery, adminPageSize } from "#shared/admin.ts";
import type { AuditAction, AuditTargetKind } from "#shared/audit.ts";
import { printableLine } from "#shared/printable-line.ts";
import type { Database } from "../database/database.ts";

/** Which events: all of them, or those that fit. */
export type AuditFilter = Omit<AuditQuery, "page">;

export interface AuditReader {
  /** One page, newest first, and how many events fit altogether. */
  list(query: AuditQuery): Promise<{ events: AuditEvent[]; total: number }>;
  /** Everything that fits, newest first, some hundred events at a time. */
  pages(filter: AuditFilter): AsyncIterable<AuditEvent[]>;
  /** Everything that an account did or that was done to it, newest first, in pages. */
  pagesAbout(accountId: string): AsyncIterable<AuditEvent[]>;
}

const exportPageSize = 500;
const oneDayMs = 24 * 60 * 60 * 1000;
/** What a name stands for whose account is gone. */
const formerMember = "A former member";

/** Reads the audit log with the names that accounts and documents have today. */
export function createAuditReader({ kysely }: Database): AuditReader {
  function events() {
    return kysely
      .selectFrom("audit_events as event")
      .leftJoin("users as actor", "actor.id", "event.actor_id")
      .leftJoin("users as account", (join) =>
        join
          .onRef("account.id", "=", "event.target_id")
          .on("event.target_kind", "in", ["account", "quota"]),
      )
      .leftJoin("runs as run", (join) =>
        join.onRef("run.id", "=", "event.target_id").on("event.target_kind", "=", "run"),
      )
      .leftJoin("documents as document", (join) =>
        join.on(
          "document.id",
          "=",
          sql<string>`case event.target_kind when 'document' then event.target_id else run.document_id end`,
        ),
      );
  }

  function filtered(filter: AuditFilter) {
    let query = events();
    if (filter.action !== undefined) query = query.where("event.action", "=", filter.action);
    if (filter.target !== undefined) query = query.where("event.target_kind", "=", filter.target);
    if (filter.from !== undefined)
      query = query.where("event.created_at", ">=", new Date(filter.from));
    if (filter.to !== undefined)
      query = query.where("event.created_at", "<", new Date(Date.parse(filter.to) + oneDayMs));
    return filter.search === "" ? query : query.where(mentions(filter.search));
  }
  type Events = ReturnType<typeof events>;

  async function rows(query: Events): Promise<AuditEvent[]> {
    const found = await query
      .select([
        "event.id",
        "event.created_at",
        "event.actor_id",
        "event.action",
        "event.target_kind",
        "event.target_id",
        "event.address",
        "event.request_id",
        "event.details",
        "actor.name as actor_name",
        "account.name as account_name",
        "document.title",
      ])
      .orderBy("event.id", "desc")
      .execute();
    return found.map(toEvent);
  }

  async function* inPages(query: Events): AsyncIterable<AuditEvent[]> {
    for (let before: number | undefined; ; ) {
      const rest = before === undefined ? query : query.where("event.id", "<", before);
      const page = await rows(rest.limit(exportPageSize));
      if (page.length > 0) yield page;
      if (page.length < exportPageSize) return;
      before = page.at(-1)?.id;
    }
  }

  return {
    async list(query) {
      const { page, ...filter } = query;
      const { total } = await filtered(filter)
        .select((eb) => eb.fn.countAll<number>().as("total"))
        .executeTakeFirstOrThrow();
      const offset = (page - 1) * adminPageSize;
      return { events: await rows(filtered(filter).limit(adminPageSize).offset(offset)), total };
    },
    pages: (filter) => inPages(filtered(filter)),
    pagesAbout: (accountId) =>
      inPages(
        events().where((eb) =>
          eb.or([
            eb("event.actor_id", "=", accountId),
            eb.and([
              eb("event.target_kind", "in", ["account", "quota"]),
              eb("event.target_id", "=", accountId),
            ]),
          ]),
        ),
      ),
  };
}

/** Letter by letter, so that `%` and `_` are only themselves. */
function mentions(search: string) {
  const part = search.toLowerCase();
  return sql<boolean>`strpos(lower(concat_ws(' ', actor.name, actor.email, account.name,
    account.email, document.title, event.actor_id, event.target_id)), ${part}) > 0`;
}

interface EventRow {
  id: number;
  created_at: Date;
  actor_id: string | null;
  action: string;
  target_kind: string | null;
  target_id: string | null;
  address: string | null;
  request_id: string | null;
  details: Record<string, unknown>;
  actor_name: string | null;
  account_name: string | null;
  title: string | null;
}

function toEvent(row: EventRow): AuditEvent {
  const { id, actor_id: actorId, address, details } = row;
  return {
    id,
    createdAt: row.created_at.toISOString(),
    // Only `record` writes rows, of a known action and a known kind of target.
    action: row.action as AuditAction,
    actor:
      actorId === null
        ? null
        : { id: actorId, name: printableLine(row.actor_name ?? formerMember) },
    target: targetOf(row),
    address,
    requestId: row.request_id,
    details,
  };
}

function targetOf(row: EventRow): AuditEvent["target"] {
  if (row.target_kind === null || row.target_id === null) return null;
  // A model's id is what people call it.
  const known = row.target_kind === "model" ? row.target_id : null;
  const name = row.account_name ?? row.title ?? known;
  return {
    kind: row.target_kind as AuditTargetKind,
    id: row.target_id,
    name: name === null ? null : printableLine(name),
  };
}
