import { expect, it } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

it("A22: a connection that is one too many is tried again when the server says so", () => {
  const refused = (data: unknown) => Object.assign(new Error("refused"), { data });
  expect(retryAfterMs(refused({ code: "too_many", details: { retryAfterMs: 10_000 } }))).toBe(
    10_000,
  );
  expect(retryAfterMs(refused({ code: "signed_out" }))).toBeUndefined();
  expect(retryAfterMs(new Error("websocket error"))).toBeUndefined();
});
