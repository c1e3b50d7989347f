import { expect, test } from "vitest";
import { InvalidError } from "../errors.ts";
import { refuseWeakPassword } from "./password-policy.ts";

const person = { email: "ann.b@example.org", name: "Ann", withTotp: false };

/** The field that is refused, or "accepted". */
function judge(password: string, account: Partial<typeof person> = {}): unknown {
  try {
    refuseWeakPassword({ ...person, ...account, password });
    return "accepted";
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    return error.details?.field;
  }
}

test("A15: a password has 15 characters, with a second factor 8, and at most 1024", () => {
  expect(judge("quiet morning r")).toBe("accepted");
  expect(judge("quiet morning ")).toBe("password");
  expect(judge("quiet mo", { withTotp: true })).toBe("accepted");
  expect(judge("quiet m", { withTotp: true })).toBe("password");
  const long = "quiet morning rain ".repeat(60);
  expect(judge(long.slice(0, 1024))).toBe("accepted");
  expect(judge(long.slice(0, 1025))).toBe("password");
});

test("A15: characters are counted as a person counts them, not as they are stored", () => {
  expect("🌧🌦🌤⛅🌥☁🌩".length).toBeGreaterThanOrEqual(8);
  expect(judge("🌧🌦🌤⛅🌥☁🌩", { withTotp: true })).toBe("password");
  expect(judge("🌧🌦🌤⛅🌥☁🌩🌨", { withTotp: true })).toBe("accepted");
});

test.each(["passwordpassword", "PasswordPassword", "Qwerty123456789", "1qaz2wsx3edc4rfv"])(
  "A15: the common password %s is refused, whatever its capitals",
  (password) => expect(judge(password)).toBe("password"),
);

test.each(["aaaaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabc", "sunshinesunshinesunshine"])(
  "A15: %s is one piece over and over",
  (password) => expect(judge(password)).toBe("password"),
);

test.each([
  "my palimpsest is here",
  "ANN.B@example.org 2026",
  "ann.b was here today",
  "I am ann, really",
])("A15: “%s” names the product or the person", (password) =>
  expect(judge(password)).toBe("password"),
);

test("A15: a name inside a longer word, or with signs of a pattern in it, does no harm", () => {
  expect(judge("I cannot remember it")).toBe("accepted");
  expect(judge("quiet morning rain", { name: "a(b" })).toBe("accepted");
  expect(judge("quiet a(b morning rain", { name: "a(b" })).toBe("password");
  const hyphened = { email: "anne-marie+x@ex-ample.org", name: "Anne-Marie /[x]/ {2}" };
  expect(judge("quiet morning rain", hyphened)).toBe("accepted");
  expect(judge("quiet anne-marie+x rain", hyphened)).toBe("password");
});

test.each(["aaaaaaaaaaaaaaaab", "only lower case letters", "123 451 998 271 44"])(
  "A15: “%s” is long enough: there are no rules of composition",
  (password) => expect(judge(password)).toBe("accepted"),
);
