import { type Kysely, sql } from "kysely";

/** Approval, one's own account, the audit log, limits on generation, outgoing mail, purging. */
export async function up(database: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `alter table users
    add column status_reason text,
    add column status_changed_by text references users (id),
    add column status_changed_at timestamptz,
    add column totp_pending_secret text,
    add column totp_last_step bigint,
    add column deleted_at timestamptz`,
  `create index users_status on users (status, created_at)`,
  `alter table sessions
    add column id text not null default gen_random_uuid()::text,
    add column address text,
    add column user_agent text,
    add column last_seen_at timestamptz not null default now()`,
  `create unique index sessions_id on sessions (id)`,
  // However a session ends, what was opened under it loses its right inside the next commit.
  `create function move_access_epoch() returns trigger language plpgsql as $$
    begin
      update users set access_epoch = access_epoch + 1 where id = old.user_id;
      return null;
    end
  $$`,
  `create trigger sessions_end after delete on sessions
    for each row execute function move_access_epoch()`,
  `create table recovery_codes (
    user_id text not null references users (id) on delete cascade,
    code_hash text not null,
    used_at timestamptz,
    primary key (user_id, code_hash)
  )`,
  `create table password_resets (
    token_hash text primary key,
    user_id text not null references users (id) on delete cascade,
    created_by text references users (id),
    removes_totp boolean not null default false,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
  )`,
  `create index password_resets_user on password_resets (user_id)`,
  // No foreign keys: the log outlives what it speaks of.
  `create table audit_events (
    id bigint generated always as identity primary key,
    created_at timestamptz not null default now(),
    actor_id text,
    action text not null,
    target_kind text,
    target_id text,
    address text,
    request_id text,
    details jsonb not null default '{}'
  )`,
  `create index audit_events_actor on audit_events (actor_id, id)`,
  `create index audit_events_target on audit_events (target_kind, target_id, id)`,
  `create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'the audit log is append-only';
    end
  $$`,
  `create trigger audit_events_append_only before update or delete on audit_events
    for each row execute function refuse_change()`,
  `create trigger audit_events_no_truncate before truncate on audit_events
    for each statement execute function refuse_change()`,
  // null: no limit. The row without an account holds for everyone who has none.
  `create table quotas (
    user_id text unique nulls not distinct references users (id) on delete cascade,
    tokens_per_day bigint check (tokens_per_day >= 0),
    runs_at_once integer check (runs_at_once >= 0),
    changed_by text references users (id),
    changed_at timestamptz not null default now()
  )`,
  `create table token_usage (
    user_id text not null references users (id) on delete cascade,
    day date not null,
    tokens bigint not null,
    primary key (user_id, day)
  )`,
  `create table mails (
    id bigint generated always as identity primary key,
    recipient text not null,
    subject text not null,
    body text not null,
    created_at timestamptz not null default now(),
    attempts integer not null default 0,
    -- null: sent, or given up
    next_attempt_at timestamptz default now(),
    sent_at timestamptz,
    failure text
  )`,
  `create index mails_waiting on mails (next_attempt_at)`,
  `alter table documents add column purge_at timestamptz`,
  `create index documents_purge on documents (purge_at) where purge_at is not null`,
];
