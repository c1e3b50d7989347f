import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AppError } from "../errors.ts";
import { type ThrottleLimits, throttleLimits } from "./throttle-limits.ts";
import { createThrottles } from "./throttles.ts";

const right = async () => "in";
const wrong = async (): Promise<string> => {
  throw new AppError("invalid_credentials", 401, "wrong");
};
const wrongCode = async (): Promise<string> => {
  throw new AppError("invalid_totp", 401, "wrong");
};

const minute = 60_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** `familiar`: the addresses from which everyone has signed in before. */
function desk(changes: Partial<ThrottleLimits> = {}, familiar: string[] = []) {
  const throttles = createThrottles({ ...throttleLimits, ...changes }, async (_email, address) =>
    familiar.includes(address),
  );
  /** What came of it: the task's result, or the code of the refusal. */
  return async (address: string, email: string, task: () => Promise<string>) => {
    try {
      const throttled = { address, accountId: undefined, input: { email } };
      return await throttles.pass("signIn", throttled, task);
    } catch (error) {
      return error instanceof AppError ? error.code : "unknown";
    }
  };
}

async function times(count: number, attempt: (index: number) => Promise<string>) {
  const outcomes: string[] = [];
  for (let index = 0; index < count; index++) outcomes.push(await attempt(index));
  return outcomes;
}

const all = (count: number, outcome: string) => Array.from({ length: count }, () => outcome);

describe("A20: the pair of an address and an account", () => {
  it("A20: ten wrong passwords within fifteen minutes close it, for the right one too", async () => {
    const signIn = desk();
    const outcomes = await times(10, () => signIn("192.0.2.1", "ann@x.test", wrong));
    expect(outcomes).toEqual(all(10, "invalid_credentials"));
    expect(await signIn("192.0.2.1", "ann@x.test", right)).toBe("too_many");
    expect(await signIn("192.0.2.1", " ANN@x.test", right)).toBe("too_many");
    vi.advanceTimersByTime(14 * minute);
    expect(await signIn("192.0.2.1", "ann@x.test", right)).toBe("too_many");
    vi.advanceTimersByTime(minute);
    expect(await signIn("192.0.2.1", "ann@x.test", right)).toBe("in");
  });

  it("A20: the account stays open from elsewhere, the address to other accounts", async () => {
    const signIn = desk();
    await times(11, () => signIn("192.0.2.1", "ann@x.test", wrong));
    expect(await signIn("192.0.2.2", "ann@x.test", right)).toBe("in");
    expect(await signIn("192.0.2.1", "ben@x.test", right)).toBe("in");
  });

  it("A20: a success before that clears it", async () => {
    const signIn = desk();
    await times(9, () => signIn("192.0.2.1", "ann@x.test", wrong));
    expect(await signIn("192.0.2.1", "ann@x.test", right)).toBe("in");
    const outcomes = await times(10, () => signIn("192.0.2.1", "ann@x.test", wrong));
    expect(outcomes).toEqual(all(10, "invalid_credentials"));
  });

  it("A20: attempts at the same moment are not more than ten", async () => {
    const signIn = desk();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, () => signIn("192.0.2.1", "ann@x.test", wrong)),
    );
    expect(outcomes.filter((outcome) => outcome === "invalid_credentials")).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === "too_many")).toHaveLength(30);
  });

  it("A20: many tabs that sign in at once with the right password all come in", async () => {
    const signIn = desk();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, () => signIn("192.0.2.1", "ann@x.test", right)),
    );
    expect(outcomes).toEqual(all(40, "in"));
  });

  it("A20: whoever has a /64 has one place to guess from", async () => {
    const signIn = desk();
    const outcomes = await times(11, (index) =>
      signIn(`2001:db8:1:2::${index + 1}`, "ann@x.test", wrong),
    );
    expect(outcomes[10]).toBe("too_many");
    expect(await signIn("2001:db8:1:3::1", "ann@x.test", right)).toBe("in");
  });

  it("A20: what is no wrong password does not count", async () => {
    const signIn = desk();
    const pending = async (): Promise<string> => {
      throw new AppError("account_pending", 403, "wait");
    };
    await times(30, () => signIn("192.0.2.1", "ann@x.test", pending));
    expect(await signIn("192.0.2.1", "ann@x.test", right)).toBe("in");
  });
});

describe("A21: the wider nets", () => {
  it("A21: one address that tries many accounts is stopped, and those at home there go on", async () => {
    const signIn = desk({ wrongPasswordsFromAddress: { count: 20, seconds: 900 } });
    const outcomes = await times(30, (index) => signIn("192.0.2.1", `p${index}@x.test`, wrong));
    expect(outcomes).toEqual([...all(20, "invalid_credentials"), ...all(10, "too_many")]);
    expect(await signIn("192.0.2.2", "p1@x.test", right)).toBe("in");

    const atHome = desk({ wrongPasswordsFromAddress: { count: 20, seconds: 900 } }, ["192.0.2.1"]);
    await times(20, (index) => atHome("192.0.2.1", `p${index}@x.test`, wrong));
    expect(await atHome("192.0.2.1", "ann@x.test", right)).toBe("in");
  });

  it("A21: an attacker who signs in himself does not get his guesses back", async () => {
    const signIn = desk({ wrongPasswordsFromAddress: { count: 20, seconds: 900 } });
    const outcomes: string[] = [];
    for (let index = 0; index < 30; index++) {
      outcomes.push(await signIn("192.0.2.1", `p${index}@x.test`, wrong));
      await signIn("192.0.2.1", "own@x.test", right);
    }
    expect(outcomes.filter((outcome) => outcome === "invalid_credentials")).toHaveLength(20);
  });

  it("A21: many addresses that try one account are slowed down, and nobody is locked out by it", async () => {
    const home = "198.51.100.1";
    const signIn = desk({ wrongPasswordsForAccount: { count: 30, seconds: 3600 } }, [home]);
    const flood = (round: number) => (index: number) =>
      signIn(`203.0.${round}.${index}`, "ann@x.test", wrong);
    await times(30, flood(1));
    const slowed = await times(100, flood(2));
    expect(slowed.filter((outcome) => outcome === "invalid_credentials")).toHaveLength(1);
    expect(await signIn(home, "ann@x.test", right)).toBe("in");
    expect(await signIn("192.0.2.9", "ann@x.test", right)).toBe("too_many");
    vi.advanceTimersByTime(10_000);
    expect(await signIn("192.0.2.9", "ann@x.test", right)).toBe("in");
  });

  it("A21: codes tried with one link, and confirmations of one account, are counted wherever they come from", async () => {
    const throttles = createThrottles(throttleLimits, async () => true);
    const outcome = (name: "resetLink" | "confirmation", index: number) =>
      throttles
        .pass(
          name,
          { address: `203.0.113.${index}`, accountId: "ann", input: { token: "link" } },
          wrongCode,
        )
        .catch((error: AppError) => error.code);
    for (const name of ["resetLink", "confirmation"] as const)
      expect(await times(12, (index) => outcome(name, index))).toEqual([
        ...all(10, "invalid_totp"),
        ...all(2, "too_many"),
      ]);
  });

  it("A21: second factors are guessed twenty times an hour, from however many addresses", async () => {
    const signIn = desk({}, ["198.51.100.1"]);
    const outcomes = await times(40, (index) =>
      signIn(`203.0.113.${index}`, "ann@x.test", wrongCode),
    );
    expect(outcomes).toEqual([...all(20, "invalid_totp"), ...all(20, "too_many")]);
    expect(await signIn("198.51.100.1", "ann@x.test", right)).toBe("in");
  });
});
