import { type Kysely, sql } from "kysely";
import type { Quota } from "#shared/admin.ts";
import { liveRunStates } from "#shared/run.ts";
import type { Database } from "../database/database.ts";
import type { Tables } from "../database/tables.ts";
import { TooManyError } from "../errors.ts";

/** What an account has written today (UTC), and how much it may; null: no limit. */
export interface TokenUsage {
  used: number;
  limit: number | null;
}

/** What generation asks of quotas. */
export interface Spending {
  /**
   * Runs `take`, which puts a run of the account to work, in a transaction that other admissions of
   * the account wait for. Throws TooManyError, with nothing taken, where its quota is used up.
   */
  admit(accountId: string, take: (transaction: Kysely<Tables>) => Promise<void>): Promise<void>;
  /** Counts written tokens in the transaction that commits their text. */
  count(transaction: Kysely<Tables>, accountId: string, tokens: number): Promise<TokenUsage>;
}

/** The states in which a run takes one of the account's places: one that is paused takes none. */
export const statesAtWork = liveRunStates.filter((state) => state !== "paused");

/** The day that usage is counted by. */
export const today = sql<Date>`(now() at time zone 'utc')::date`;

/** `builtIn` holds until an admin sets another default. */
export function createSpending({ kysely }: Database, builtIn: Quota): Spending {
  return {
    admit: (accountId, take) =>
      kysely.transaction().execute(async (transaction) => {
        await sql`select pg_advisory_xact_lock(hashtextextended(${`quota:${accountId}`}, 0))`.execute(
          transaction,
        );
        await take(transaction);
        const quota = await readQuota(transaction, accountId, builtIn);
        requireTokens(quota, await readUsedToday(transaction, accountId));
        requirePlace(quota, await countAtWork(transaction, accountId));
      }),

    async count(transaction, accountId, tokens) {
      const { rows } = await sql<TokenUsage>`
        insert into token_usage (user_id, day, tokens) values (${accountId}, ${today}, ${tokens})
        on conflict (user_id, day) do update set tokens = token_usage.tokens + excluded.tokens
        returning tokens as used, ${limitOf(accountId, builtIn)} as limit`.execute(transaction);
      const [usage] = rows;
      if (usage === undefined) throw new Error("an upsert returned no row");
      return usage;
    },
  };
}

/** The account's row, else the default's, else what is built in; null: no limit. */
function limitOf(accountId: string, { tokensPerDay }: Quota) {
  return sql<number | null>`(
    select case when count(*) = 0 then ${tokensPerDay}::bigint else min(tokens_per_day) end
    from (
      select tokens_per_day from quotas where user_id = ${accountId} or user_id is null
      order by user_id nulls last limit 1
    ) as quota
  )`;
}

/** What holds for the account. */
export async function readQuota(
  kysely: Kysely<Tables>,
  accountId: string | null,
  builtIn: Quota,
): Promise<Quota & { own: boolean }> {
  const row = await kysely
    .selectFrom("quotas")
    .select(["user_id", "tokens_per_day", "runs_at_once"])
    .where((where) => where.or([where("user_id", "=", accountId), where("user_id", "is", null)]))
    .orderBy("user_id", (order) => order.asc().nullsLast())
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return { ...builtIn, own: false };
  const { tokens_per_day: tokensPerDay, runs_at_once: runsAtOnce } = row;
  return { tokensPerDay, runsAtOnce, own: row.user_id !== null };
}

export async function readUsedToday(kysely: Kysely<Tables>, accountId: string): Promise<number> {
  const row = await kysely
    .selectFrom("token_usage")
    .select("tokens")
    .where("user_id", "=", accountId)
    .where("day", "=", today)
    .executeTakeFirst();
  return row?.tokens ?? 0;
}

export async function countAtWork(kysely: Kysely<Tables>, accountId: string): Promise<number> {
  const { count } = await kysely
    .selectFrom("runs")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("started_by", "=", accountId)
    .where("state", "in", statesAtWork)
    .executeTakeFirstOrThrow();
  return count;
}

function requireTokens({ tokensPerDay }: Quota, used: number): void {
  if (tokensPerDay === null || used < tokensPerDay) return;
  const waitMs = untilMidnightMs(Date.now());
  const tokens = tokensPerDay.toLocaleString("en");
  throw new TooManyError(
    `Today's ${tokens} tokens are used up. There are new ones at midnight UTC, ${inHours(waitMs)}. An administrator can allow more.`,
    waitMs,
  );
}

/** How soon a place may be free is not known: a run ends when it ends. */
const placeRetryMs = 10_000;

function requirePlace({ runsAtOnce }: Quota, atWork: number): void {
  if (runsAtOnce === null || atWork <= runsAtOnce) return;
  throw new TooManyError(
    runsAtOnce === 0
      ? "This account may not have runs at work. An administrator can allow it."
      : `${runsAtOnce === 1 ? "A run is" : `${runsAtOnce} runs are`} at work already, which is as many as may be at once. The next can go when one is paused, stopped or has ended.`,
    placeRetryMs,
  );
}

const hourMs = 60 * 60 * 1000;

function untilMidnightMs(now: number): number {
  return 24 * hourMs - (now % (24 * hourMs));
}

function inHours(ms: number): string {
  const hours = Math.ceil(ms / hourMs);
  return hours === 1 ? "within the hour" : `in ${hours} hours`;
}
