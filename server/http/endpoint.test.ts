import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import pino from "pino";
import { expect, test } from "vitest";
import { createEndpoints, type Download } from "./endpoint.ts";
import { answerErrors } from "./errors.ts";
import { throttleLimits } from "./throttle-limits.ts";
import { createThrottles } from "./throttles.ts";

/** Asks a server whose one route answers with this download. */
async function ask(contents: Download["contents"]): Promise<Response> {
  const endpoints = createEndpoints({
    authenticate: async () => undefined,
    readAddress: () => "127.0.0.1",
    throttles: createThrottles(throttleLimits, async () => false),
  });
  const download = { contents, fileName: "all.csv", contentType: "text/csv" };
  const app = express();
  app.get(
    "/",
    endpoints.anyone(async () => ({ download })),
  );
  app.use(answerErrors(pino({ level: "silent" })));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await fetch(`http://127.0.0.1:${port}/`);
  } finally {
    server.close();
  }
}

test("a download is sent piece by piece, under its name", async () => {
  async function* pieces() {
    yield "one,";
    yield "two";
  }
  const answer = await ask(pieces());
  expect(answer.headers.get("content-disposition")).toBe('attachment; filename="all.csv"');
  expect(answer.headers.get("content-length")).toBeNull();
  expect(await answer.text()).toBe("one,two");
});

test("a download that breaks off cannot be taken for the whole", async () => {
  async function* pieces() {
    yield "one,".repeat(100_000);
    throw new Error("the database went away");
  }
  const answer = await ask(pieces());
  expect(answer.status).toBe(200);
  await expect(answer.text()).rejects.toThrow("terminated");
});
