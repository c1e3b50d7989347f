import { AppError } from "../errors.ts";
import { addressKey } from "./address-key.ts";
import { createCounter, tooMany } from "./counter.ts";
import type { ThrottleLimits } from "./throttle-limits.ts";

/** Whether this account has signed in from this address (or its /64) of late. */
export type IsFamiliar = (email: string, address: string) => Promise<boolean>;

/** An attempt to sign in: where from, and as whom. */
export interface SignInAttempt {
  address: string;
  email: string;
}

export interface SignInThrottle {
  /** Throws TooManyError where the account is closed to this address. */
  checkPair(attempt: SignInAttempt): Promise<void>;
  /** Makes the attempt unless one of the limits forbids it, and counts how it ends. */
  attempt<Result>(attempt: SignInAttempt, task: () => Promise<Result>): Promise<Result>;
}

/**
 * Ten wrong passwords close one account to one address. Two wider nets hold what keeps below that: one
 * address that tries many accounts, many addresses that try one. They let whoever signed in from his
 * address before pass, so that nobody can lock a person out.
 */
export function createSignInThrottle(
  limits: ThrottleLimits,
  isFamiliar: IsFamiliar,
): SignInThrottle {
  const ofPair = createCounter(limits.wrongPasswordsOfPair);
  const fromAddress = createCounter(limits.wrongPasswordsFromAddress);
  const forAccount = createCounter(limits.wrongPasswordsForAccount);
  const strangers = createCounter(limits.strangersForAccount);
  const codes = createCounter(limits.wrongCodesForAccount);

  async function checkPair(attempt: SignInAttempt): Promise<void> {
    await ofPair.check(
      keysOf(attempt).both,
      "Too many wrong passwords for this account from here.",
    );
  }

  async function checkNets(attempt: SignInAttempt): Promise<void> {
    const { place, account } = keysOf(attempt);
    const closedMs = Math.max(await fromAddress.fullFor(place), await codes.fullFor(account));
    const guessedMs = await forAccount.fullFor(account);
    if (closedMs === 0 && guessedMs === 0) return;
    if (await isFamiliar(attempt.email, attempt.address)) return;
    if (closedMs > 0) throw tooMany("Too many attempts to sign in have failed.", closedMs);
    await strangers.take(account, "Many attempts to sign in to this account have failed.");
  }

  async function countFailure(attempt: SignInAttempt, error: unknown): Promise<void> {
    if (!isWrongSecret(error)) return;
    const { both, place, account } = keysOf(attempt);
    await Promise.all([ofPair.add(both), fromAddress.add(place), forAccount.add(account)]);
    if (error.code === "invalid_totp") await codes.add(account);
  }

  return {
    checkPair,
    async attempt(attempt, task) {
      await checkPair(attempt);
      await checkNets(attempt);
      try {
        const result = await task();
        await ofPair.clear(keysOf(attempt).both);
        return result;
      } catch (error) {
        await countFailure(attempt, error);
        throw error;
      }
    },
  };
}

interface Keys {
  both: string;
  place: string;
  account: string;
}

function keysOf({ address, email }: SignInAttempt): Keys {
  const place = addressKey(address);
  const account = emailKey(email);
  return { both: `${place} ${account}`, place, account };
}

/** One account's email however it is written. */
export function emailKey(email: string): string {
  return email.trim().toLowerCase();
}

const wrongSecrets = new Set(["invalid_credentials", "invalid_totp", "wrong_password"]);

/** Whether it is the answer to a wrong password, code or recovery code. */
export function isWrongSecret(error: unknown): error is AppError {
  return error instanceof AppError && wrongSecrets.has(error.code);
}
