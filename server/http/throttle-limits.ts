import type { TurnstileLimits } from "./turnstile.ts";

/** So many within so long. */
export interface Limit {
  count: number;
  seconds: number;
}

/** What is counted at HTTP; see the table in docs/operations.md. */
export interface ThrottleLimits {
  /** For one account from one address. */
  wrongPasswordsOfPair: Limit;
  /** For whatever accounts; those who signed in from there before go on. */
  wrongPasswordsFromAddress: Limit;
  /** From whatever addresses; who signed in from his address before goes on. */
  wrongPasswordsForAccount: Limit;
  /** What strangers may still try of an account that is being guessed at. */
  strangersForAccount: Limit;
  /** Second factors after the right password, from whatever addresses. */
  wrongCodesForAccount: Limit;
  /** Passwords and codes that a signed-in account confirms something with. */
  wrongConfirmations: Limit;
  signUpsFromAddress: Limit;
  resetRequestsFromAddress: Limit;
  resetRequestsForEmail: Limit;
  resetLinksFromAddress: Limit;
  /** Second factors tried with one link. */
  wrongCodesForLink: Limit;
  requestsOfAccount: Limit;
  requestsFromAddress: Limit;
  /** Requests that hash a password: 19 MiB and about 15 ms of a core each. */
  hashing: TurnstileLimits;
}

const minute = 60;
const quarter = 15 * minute;
const hour = 60 * minute;

/** Far above what people do, who may share one address by the hundred. */
export const throttleLimits: ThrottleLimits = {
  wrongPasswordsOfPair: { count: 10, seconds: quarter },
  wrongPasswordsFromAddress: { count: 100, seconds: quarter },
  wrongPasswordsForAccount: { count: 100, seconds: hour },
  strangersForAccount: { count: 1, seconds: 10 },
  wrongCodesForAccount: { count: 20, seconds: hour },
  wrongConfirmations: { count: 10, seconds: quarter },
  signUpsFromAddress: { count: 40, seconds: hour },
  resetRequestsFromAddress: { count: 40, seconds: hour },
  resetRequestsForEmail: { count: 5, seconds: hour },
  resetLinksFromAddress: { count: 40, seconds: hour },
  wrongCodesForLink: { count: 10, seconds: hour },
  requestsOfAccount: { count: 6_000, seconds: minute },
  requestsFromAddress: { count: 30_000, seconds: minute },
  hashing: { atOnce: 2, waitingInLine: 200, waiting: 2_000 },
};
