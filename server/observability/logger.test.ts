import { expect, test } from "vitest";
import { describeError } from "./logger.ts";

test("O6: of an error, the log has its words and its causes, not what a driver hung on it", () => {
  const refused = Object.assign(new Error("duplicate key"), {
    code: "23505",
    query: "insert into users values ($1)",
    params: ["secret"],
  });
  const logged = describeError(new Error("sign-up failed", { cause: refused }));
  expect(logged).toMatchObject({
    message: "sign-up failed",
    cause: { message: "duplicate key", code: "23505" },
  });
  expect(JSON.stringify(logged)).not.toContain("secret");
  expect(JSON.stringify(logged)).not.toContain("insert into");
});

test("what is thrown and is no error is not written down", () => {
  expect(JSON.stringify(describeError("secret text"))).not.toContain("secret");
});
