import { expect, test } from "vitest";
import { readConfig } from "./config.ts";
import { AppError } from "./errors.ts";

function problemsOf(environment: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof AppError) return error.message.split("\n");
    throw error;
  }
  return [];
}

test("an empty environment is the demonstration on 127.0.0.1:3000", () => {
  expect(readConfig({})).toMatchObject({
    port: 3000,
    host: "127.0.0.1",
    dataDir: "./data",
    demonstration: true,
    production: false,
    publicOrigins: ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"],
  });
});

test("an empty variable counts as absent", () => {
  expect(readConfig({ PORT: "", DATABASE_URL: "" })).toMatchObject({
    port: 3000,
    demonstration: true,
  });
});

test("A7: neither production nor a Postgres installation is a demonstration", () => {
  const origin = "https://write.example.org";
  expect(readConfig({ NODE_ENV: "production", PUBLIC_ORIGIN: origin }).demonstration).toBe(false);
  expect(readConfig({ DATABASE_URL: "postgres://a@b/c" }).demonstration).toBe(false);
});

test("production needs a public origin", () => {
  expect(problemsOf({ NODE_ENV: "production" })).toEqual([
    "PUBLIC_ORIGIN is required in production: the origin that browsers open.",
  ]);
});

test("several public origins are separated by commas", () => {
  const config = readConfig({ PUBLIC_ORIGIN: "https://a.example, http://b.example:8080/" });
  expect(config.publicOrigins).toEqual(["https://a.example", "http://b.example:8080"]);
});

test("O3: every bad setting gets one line that names it", () => {
  const problems = problemsOf({
    PORT: "70000",
    METRICS_PORT: "x",
    DATABASE_URL: "mysql://a",
    PUBLIC_ORIGIN: "https://a.example/path",
    LOG_LEVEL: "loud",
    NODE_ENV: "prod",
    PALIMPSEST_TURBO: "1",
  });
  const named = problems.map((line) => line.split(" ")[0]);
  expect(new Set(named)).toEqual(
    new Set([
      "DATABASE_URL",
      "LOG_LEVEL",
      "METRICS_PORT",
      "NODE_ENV",
      "PALIMPSEST_TURBO",
      "PORT",
      "PUBLIC_ORIGIN",
    ]),
  );
  expect(problems).toHaveLength(7);
});

test("mail needs an SMTP server and a sender, each well formed", () => {
  expect(readConfig({ MAIL_FROM: "mail@example.org" }).mail).toBeUndefined();
  const url = "smtp://user:p%40ss@mail.example.org:587";
  const from = "Palimpsest <mail@example.org>";
  expect(readConfig({ SMTP_URL: url, MAIL_FROM: from }).mail).toEqual({ url, from });
  expect(problemsOf({ SMTP_URL: url })).toEqual([expect.stringMatching(/^MAIL_FROM is required/)]);
  for (const wrong of ["http://mail.example.org", "mail.example.org:587", "smtp://"])
    expect(problemsOf({ SMTP_URL: wrong, MAIL_FROM: from })).toEqual([
      expect.stringMatching(/^SMTP_URL must be/),
    ]);
  for (const wrong of ["nobody", "a@b, c@d", "A\r\nBcc: x@y <a@b>", "A <a@b> <c@d>"])
    expect(problemsOf({ SMTP_URL: url, MAIL_FROM: wrong })).toEqual([
      expect.stringMatching(/^MAIL_FROM must be/),
    ]);
});

test("E15: the hub is asked over https, over http only on this machine", () => {
  expect(readConfig({}).hub).toEqual({ url: "https://huggingface.co", token: undefined });
  const own = readConfig({ HUB_URL: "http://127.0.0.1:8080/", HUB_TOKEN: "hf_x" }).hub;
  expect(own).toEqual({ url: "http://127.0.0.1:8080", token: "hf_x" });
  for (const wrong of [
    "http://hub.example",
    "ftp://a.example",
    "https://a:b@c.example",
    "https://:b@c.example",
    "hub",
  ])
    expect(problemsOf({ HUB_URL: wrong })).toEqual([expect.stringMatching(/^HUB_URL must be/)]);
  expect(problemsOf({ HUB_TOKEN: "a\r\nHost: b" })).toEqual([
    expect.stringMatching(/^HUB_TOKEN must be/),
  ]);
});
