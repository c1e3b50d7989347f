import { type Kysely, sql } from "kysely";

/** Accounts, documents with their update log, runs with their tokens. */
export async function up(database: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(database);
}

const statements = [
  `create table users (
    id text primary key,
    email text not null,
    name text not null,
    organisation text,
    reason text,
    role text not null check (role in ('admin', 'sponsor', 'editor')),
    status text not null check (status in ('pending', 'active', 'rejected', 'suspended')),
    password_hash text not null,
    totp_secret text,
    access_epoch bigint not null default 0,
    created_at timestamptz not null default now()
  )`,
  `create unique index users_email on users (lower(email))`,
  `create table sessions (
    token_hash text primary key,
    user_id text not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
  )`,
  `create index sessions_user on sessions (user_id)`,
  `create table documents (
    id text primary key,
    title text not null,
    excerpt text not null default '',
    owner_id text not null references users (id),
    restore_epoch bigint not null default 0,
    head_seq bigint not null default 0,
    snapshot_seq bigint not null default 0,
    parent_id text references documents (id) on delete set null,
    parent_seq bigint,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    archived_at timestamptz
  )`,
  `create table assignments (
    document_id text not null references documents (id) on delete cascade,
    user_id text not null references users (id) on delete cascade,
    role text not null check (role in ('owner', 'editor', 'watcher')),
    granted_by text not null references users (id),
    granted_at timestamptz not null default now(),
    revoked_at timestamptz,
    primary key (document_id, user_id)
  )`,
  `create index assignments_user on assignments (user_id)`,
  `create table document_updates (
    document_id text not null references documents (id) on delete cascade,
    seq bigint not null,
    lease_epoch bigint not null default 0,
    origin text not null check (origin in ('user', 'run', 'system')),
    actor_id text,
    run_id text,
    payload bytea not null,
    created_at timestamptz not null default now(),
    primary key (document_id, seq)
  )`,
  `create table document_snapshots (
    document_id text not null references documents (id) on delete cascade,
    seq bigint not null,
    state bytea not null,
    sha256 text not null,
    created_at timestamptz not null default now(),
    primary key (document_id, seq)
  )`,
  `create table versions (
    id text primary key,
    document_id text not null references documents (id) on delete cascade,
    seq bigint not null,
    kind text not null check (kind in ('automatic', 'run', 'named')),
    label text,
    created_by text references users (id),
    created_at timestamptz not null default now()
  )`,
  `create index versions_document on versions (document_id, seq)`,
  `create table document_clients (
    document_id text not null references documents (id) on delete cascade,
    client_id bigint not null,
    account_id text references users (id) on delete set null,
    first_seq bigint not null,
    primary key (document_id, client_id)
  )`,
  `create table document_settings (
    document_id text primary key references documents (id) on delete cascade,
    sampling jsonb not null default '{}',
    memory text not null default '',
    note text not null default '',
    editors_may_run boolean not null default false,
    changed_by text not null references users (id),
    changed_at timestamptz not null default now()
  )`,
  `create table runs (
    id text primary key,
    document_id text not null references documents (id) on delete cascade,
    model text not null,
    sampling jsonb not null,
    seed bigint not null,
    state text not null check (state in ('queued', 'streaming', 'paused', 'finished', 'stopped', 'failed')),
    caret bytea not null,
    started_by text not null references users (id),
    changed_by text not null references users (id),
    finish_reason text,
    reason text,
    tokens integer not null default 0,
    prompt_tokens integer not null default 0,
    context_tokens integer not null default 0,
    context_limit integer not null,
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now()
  )`,
  `create unique index runs_one_live on runs (document_id)
    where state in ('queued', 'streaming', 'paused')`,
  `create index runs_document on runs (document_id, created_at)`,
  `create table run_tokens (
    run_id text not null references runs (id) on delete cascade,
    index integer not null,
    token_id integer not null,
    text text not null,
    logprob real not null,
    client bigint,
    clock bigint,
    primary key (run_id, index)
  )`,
  `create table run_items (
    run_id text not null references runs (id) on delete cascade,
    client bigint not null,
    clock_from bigint not null,
    clock_to bigint not null,
    primary key (run_id, client, clock_from)
  )`,
];
