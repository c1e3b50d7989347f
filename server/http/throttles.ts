import { addressKey } from "./address-key.ts";
import { type Counter, createCounter } from "./counter.ts";
import { createLanes } from "./lanes.ts";
import {
  createSignInThrottle,
  emailKey,
  type IsFamiliar,
  isWrongSecret,
} from "./sign-in-throttle.ts";
import type { ThrottleLimits } from "./throttle-limits.ts";
import { createTurnstile } from "./turnstile.ts";

/**
 * What a route is held to besides the requests that everyone may make: `signIn` and `passwordReset`
 * read the input's `email`, `confirmation` is for signed-in accounts that show their password again.
 */
export type ThrottleName = "signIn" | "signUp" | "passwordReset" | "resetLink" | "confirmation";

/** Who asks for what. */
export interface Throttled {
  address: string;
  /** undefined: nobody is signed in. */
  accountId: string | undefined;
  input: unknown;
}

/** Holds floods and guesses back; everything throws TooManyError. */
export interface Throttles {
  /** Counts a request before anything is looked up for it. */
  admitAddress(address: string): Promise<void>;
  admitAccount(accountId: string): Promise<void>;
  /** Runs the task of a request, and counts how it ends. */
  pass<Result>(
    name: ThrottleName,
    throttled: Throttled,
    task: () => Promise<Result>,
  ): Promise<Result>;
}

type Pass = <Result>(throttled: Throttled, task: () => Promise<Result>) => Promise<Result>;

/** `isFamiliar` is asked only while an account or an address is being tried on. */
export function createThrottles(limits: ThrottleLimits, isFamiliar: IsFamiliar): Throttles {
  const requestsFromAddress = createCounter(limits.requestsFromAddress);
  const requestsOfAccount = createCounter(limits.requestsOfAccount);
  const turnstile = createTurnstile(limits.hashing);
  const hash: Pass = ({ address }, task) => turnstile.pass(addressKey(address), task);
  const passes: { readonly [name in ThrottleName]: Pass } = {
    signIn: passSignIn(limits, isFamiliar, hash),
    signUp: passSignUp(limits, hash),
    passwordReset: passReset(limits),
    resetLink: passResetLink(limits, hash),
    confirmation: passConfirmation(limits, hash),
  };
  return {
    admitAddress: (address) => requestsFromAddress.take(addressKey(address), tooFast),
    admitAccount: (accountId) => requestsOfAccount.take(accountId, tooFast),
    pass: (name, throttled, task) => passes[name](throttled, task),
  };
}

const tooFast = "This is more at once than the server takes.";

/** Attempts of a pair go one after the other, so that none is made while others are undecided. */
function passSignIn(limits: ThrottleLimits, isFamiliar: IsFamiliar, hash: Pass): Pass {
  const signIns = createSignInThrottle(limits, isFamiliar);
  const lanes = createLanes();
  return async (throttled, task) => {
    const attempt = { address: throttled.address, email: fieldOf(throttled.input, "email") };
    await signIns.checkPair(attempt);
    return lanes.run(`${addressKey(attempt.address)} ${emailKey(attempt.email)}`, () =>
      hash(throttled, () => signIns.attempt(attempt, task)),
    );
  };
}

function passSignUp(limits: ThrottleLimits, hash: Pass): Pass {
  const fromAddress = createCounter(limits.signUpsFromAddress);
  return async (throttled, task) => {
    const place = addressKey(throttled.address);
    await fromAddress.take(place, "Many people have asked to join from here.");
    return hash(throttled, task);
  };
}

function passReset(limits: ThrottleLimits): Pass {
  const fromAddress = createCounter(limits.resetRequestsFromAddress);
  const forEmail = createCounter(limits.resetRequestsForEmail);
  return async ({ address, input }, task) => {
    const place = addressKey(address);
    await fromAddress.check(place, "Many links have been asked for from here.");
    const sentence =
      "Several links have been asked for this address. Look into your mailbox first.";
    await forEmail.take(emailKey(fieldOf(input, "email")), sentence);
    await fromAddress.add(place);
    return task();
  };
}

/** A link stays good after a wrong code, so that the codes tried with it are counted as well. */
function passResetLink(limits: ThrottleLimits, hash: Pass): Pass {
  const fromAddress = createCounter(limits.resetLinksFromAddress);
  const codes = createCounter(limits.wrongCodesForLink);
  const lanes = createLanes();
  return async (throttled, task) => {
    await fromAddress.take(addressKey(throttled.address), "Many links have been tried from here.");
    const link = fieldOf(throttled.input, "token");
    return lanes.run(link, () =>
      countWrong(codes, link, () => hash(throttled, task), "Too many wrong codes."),
    );
  };
}

function passConfirmation(limits: ThrottleLimits, hash: Pass): Pass {
  const wrong = createCounter(limits.wrongConfirmations);
  const lanes = createLanes();
  return (throttled, task) => {
    const key = throttled.accountId ?? addressKey(throttled.address);
    return lanes.run(key, () =>
      countWrong(wrong, key, () => hash(throttled, task), "Too many wrong passwords or codes."),
    );
  };
}

async function countWrong<Result>(
  counter: Counter,
  key: string,
  task: () => Promise<Result>,
  sentence: string,
): Promise<Result> {
  await counter.check(key, sentence);
  try {
    return await task();
  } catch (error) {
    if (isWrongSecret(error)) await counter.add(key);
    throw error;
  }
}

/** The text of a field that the schema of the route's input has. */
function fieldOf(input: unknown, field: "email" | "token"): string {
  // Any object may be looked into; what is there is checked.
  const value = (input as Readonly<Record<string, unknown>> | undefined)?.[field];
  return typeof value === "string" ? value : "";
}
