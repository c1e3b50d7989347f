import type { ColumnType, Generated, JSONColumnType } from "kysely";
import type { AccountRole, AccountStatus, DocumentRole } from "#shared/permissions.ts";
import type { FinishReason, RunReason, RunState } from "#shared/run.ts";
import type { Sampling } from "#shared/sampling.ts";

/** Set by the database when absent; read as Date, written as Date. */
type CreatedAt = ColumnType<Date, Date | undefined, never>;
type Timestamp = ColumnType<Date, Date, Date>;
type NullableTimestamp = ColumnType<Date | null, Date | null | undefined, Date | null>;

/** int8 columns are read as number (the pool sets the parser); all stay far below 2^53. */
export interface Tables {
  users: {
    id: string;
    email: string;
    name: string;
    organisation: string | null;
    reason: string | null;
    role: AccountRole;
    status: AccountStatus;
    password_hash: string;
    /** base32; set once the person has shown a code of it. */
    totp_secret: string | null;
    /** Shown to the person and not confirmed yet. */
    totp_pending_secret: string | null;
    /** The last time step whose code was taken: none is taken twice. */
    totp_last_step: number | null;
    /** What an admin wrote when approving, rejecting or suspending. */
    status_reason: string | null;
    status_changed_by: string | null;
    status_changed_at: NullableTimestamp;
    /** The account was deleted: its name and email are gone, the row stands for "a former member". */
    deleted_at: NullableTimestamp;
    /** Grows with each change of the account's rights; commits compare it. */
    access_epoch: Generated<number>;
    created_at: CreatedAt;
  };
  sessions: {
    /** sha256 of the token, hex; the token itself is stored nowhere. */
    token_hash: string;
    /** What the person ends it by; says nothing about the token. */
    id: Generated<string>;
    user_id: string;
    address: string | null;
    user_agent: string | null;
    created_at: CreatedAt;
    last_seen_at: ColumnType<Date, Date | undefined, Date>;
    expires_at: Timestamp;
  };
  recovery_codes: {
    user_id: string;
    /** argon2id of the code under a salt of the account's own, hex. */
    code_hash: string;
    used_at: NullableTimestamp;
  };
  password_resets: {
    /** sha256 of the link's token, hex. */
    token_hash: string;
    user_id: string;
    /** The admin who made the link; null: asked for by mail. */
    created_by: string | null;
    /** Using it takes the second factor off as well. */
    removes_totp: Generated<boolean>;
    created_at: CreatedAt;
    expires_at: Timestamp;
  };
  /** Append-only: a trigger refuses everything but inserts. */
  audit_events: {
    id: Generated<number>;
    created_at: CreatedAt;
    actor_id: string | null;
    action: string;
    target_kind: string | null;
    target_id: string | null;
    address: string | null;
    request_id: string | null;
    details: JSONColumnType<Record<string, unknown>>;
  };
  quotas: {
    /** null: what holds for everyone without a row of his own. */
    user_id: string | null;
    /** null: no limit. */
    tokens_per_day: number | null;
    runs_at_once: number | null;
    changed_by: string | null;
    changed_at: ColumnType<Date, Date | undefined, Date>;
  };
  token_usage: {
    user_id: string;
    /** A date, UTC. */
    day: ColumnType<Date, string, never>;
    tokens: number;
  };
  /** Outgoing mail. */
  mails: {
    id: Generated<number>;
    recipient: string;
    subject: string;
    /** Plain text; empty once it is sent or given up, as it may hold a secret. */
    body: string;
    created_at: CreatedAt;
    attempts: Generated<number>;
    /** null: sent, or given up. */
    next_attempt_at: ColumnType<Date | null, Date | undefined, Date | null>;
    sent_at: NullableTimestamp;
    /** What the last attempt came to, where it failed. */
    failure: string | null;
  };
  documents: {
    id: string;
    title: string;
    /** First line of the body, a projection for lists. */
    excerpt: Generated<string>;
    owner_id: string;
    restore_epoch: Generated<number>;
    head_seq: Generated<number>;
    snapshot_seq: Generated<number>;
    parent_id: string | null;
    parent_seq: number | null;
    created_at: CreatedAt;
    updated_at: ColumnType<Date, Date | undefined, Date>;
    archived_at: NullableTimestamp;
    /** When it is removed for good; null: never. */
    purge_at: NullableTimestamp;
  };
  assignments: {
    document_id: string;
    user_id: string;
    role: DocumentRole;
    granted_by: string;
    granted_at: CreatedAt;
    revoked_at: NullableTimestamp;
  };
  document_updates: {
    document_id: string;
    seq: number;
    lease_epoch: Generated<number>;
    origin: "user" | "run" | "system";
    actor_id: string | null;
    run_id: string | null;
    payload: Uint8Array;
    created_at: CreatedAt;
  };
  document_snapshots: {
    document_id: string;
    seq: number;
    state: Uint8Array;
    sha256: string;
    created_at: CreatedAt;
  };
  versions: {
    id: string;
    document_id: string;
    seq: number;
    kind: "automatic" | "run" | "named";
    label: string | null;
    created_by: string | null;
    created_at: CreatedAt;
  };
  document_clients: {
    document_id: string;
    client_id: number;
    /** null: the server's own. */
    account_id: string | null;
    first_seq: number;
  };
  document_settings: {
    document_id: string;
    sampling: JSONColumnType<Partial<Sampling>>;
    memory: Generated<string>;
    note: Generated<string>;
    editors_may_run: Generated<boolean>;
    changed_by: string;
    changed_at: Timestamp;
  };
  runs: {
    id: string;
    document_id: string;
    model: string;
    sampling: JSONColumnType<Sampling>;
    seed: number;
    state: RunState;
    /** Encoded Y.RelativePosition. */
    caret: Uint8Array;
    started_by: string;
    changed_by: string;
    finish_reason: FinishReason | null;
    reason: RunReason | null;
    tokens: Generated<number>;
    prompt_tokens: Generated<number>;
    context_tokens: Generated<number>;
    context_limit: number;
    created_at: CreatedAt;
    changed_at: Timestamp;
  };
  run_tokens: {
    run_id: string;
    index: number;
    token_id: number;
    text: string;
    logprob: number;
    /** Where its first character stands in the shared text; null for a token without text. */
    client: number | null;
    clock: number | null;
  };
  run_items: {
    run_id: string;
    client: number;
    clock_from: number;
    clock_to: number;
  };
}
