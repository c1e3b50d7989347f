import type { Quota } from "#shared/admin.ts";

/** What holds until an admin sets a default: a million tokens are some 1,500 pages. */
export const installationQuota: Quota = { tokensPerDay: 1_000_000, runsAtOnce: 20 };

/** The demonstration is one person's machine. */
export const demonstrationQuota: Quota = { tokensPerDay: null, runsAtOnce: null };
