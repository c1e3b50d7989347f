import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLogger } from "../observability/logger.ts";
import { answerErrors } from "./errors.ts";
import { nameRequest } from "./headers.ts";

const logged: string[] = [];
const logger = createLogger("info", { write: (line) => logged.push(line) });

/** What express and its parts throw has a status, and ours has not. */
function failure(status: number): Error {
  const error = new Error("secret: select * from users");
  return status === 500 ? error : Object.assign(error, { status });
}

let server: ReturnType<ReturnType<typeof express>["listen"]>;
let url: string;
beforeAll(async () => {
  const app = express();
  app.use(nameRequest);
  app.get("/:status", ({ params }) => {
    throw failure(Number(params.status));
  });
  app.use(answerErrors(logger));
  server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  // A listening TCP server's address is no pipe's name.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

test("what nobody foresaw is a 500 without details, and in the log under the request's id", async () => {
  const answer = await fetch(`${url}/500`);
  expect([answer.status, await answer.json()]).toEqual([
    500,
    { error: { code: "internal", message: "Something went wrong on the server." } },
  ]);
  expect(logged).toHaveLength(1);
  expect(JSON.parse(logged[0] ?? "")).toMatchObject({
    requestId: answer.headers.get("x-request-id"),
    error: { message: "secret: select * from users" },
  });
});

test.each([400, 404, 412, 416])(
  "a %i that express makes stays one, says nothing of its cause, and is no failure of the server",
  async (status) => {
    logged.length = 0;
    const answer = await fetch(`${url}/${status}`);
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain("secret");
    expect(logged).toEqual([]);
  },
);
