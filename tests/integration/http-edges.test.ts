import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { errorBodySchema } from "#shared/errors.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { Person } from "../support/person.ts";

let app: TestApp;
let sponsor: Person;
beforeAll(async () => {
  app = await startTestApp({ loadsModelAhead: true });
  sponsor = await app.signIn("sponsor@demo.test");
});
afterAll(() => app.close());

interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Sends exactly these headers: fetch would add some of its own. */
function send(path: string, { method = "GET", headers = {}, body }: Sent = {}) {
  return new Promise<{ status: number; json: unknown; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const request = httpRequest(`${app.url}${path}`, { method, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = /json/.test(response.headers["content-type"] ?? "");
          const json: unknown = isJson ? JSON.parse(text) : text;
          resolve({ status: response.statusCode ?? 0, json, headers: response.headers });
        });
      });
      request.on("error", reject);
      request.end(body);
    },
  );
}

const jsonHeaders = () => ({
  "content-type": "application/json",
  cookie: sponsor.cookie,
  origin: app.url,
});

test.each([
  ["an unknown address of the API", "/api/nothing", {}, 404, "not_found"],
  ["a document that does not exist", "/api/documents/none", {}, 404, "not_found"],
  ["an id that cannot be one", "/api/documents/a%00b", {}, 404, "not_found"],
  ["an address that cannot be decoded", "/api/documents/%E0%A4%A", {}, 400, "invalid"],
] satisfies [string, string, Sent, number, string][])(
  "every error has one shape: %s",
  async (_what, path, sent, status, code) => {
    const answer = await send(path, { ...sent, headers: { cookie: sponsor.cookie } });
    expect(answer.status).toBe(status);
    expect(errorBodySchema.strict().parse(answer.json).error.code).toBe(code);
    expect(answer.headers["cache-control"]).toBe("no-store");
  },
);

test("A5: a request that could change something needs our own origin", async () => {
  const body = JSON.stringify({ title: "T" });
  const attempt = (headers: Record<string, string>) =>
    send("/api/documents", {
      method: "POST",
      headers: { "content-type": "application/json", cookie: sponsor.cookie, ...headers },
      body,
    });
  expect((await attempt({})).status).toBe(403);
  expect((await attempt({ origin: "https://evil.example" })).status).toBe(403);
  expect((await attempt({ origin: "null" })).status).toBe(403);
  expect((await attempt({ "sec-fetch-site": "cross-site" })).status).toBe(403);
  expect((await attempt({ origin: app.url })).status).toBe(201);
  expect((await attempt({ "sec-fetch-site": "same-origin" })).status).toBe(201);
  const other = await send("/api/sign-out", {
    method: "POST",
    headers: { cookie: sponsor.cookie },
  });
  expect(other.json).toMatchObject({ error: { code: "wrong_origin" } });
  expect((await sponsor.request("GET", "/api/me")).status).toBe(200);
});

test("a body that is not JSON is 415, and broken JSON 400", async () => {
  const attempt = (type: string, body: string) =>
    send("/api/documents", {
      method: "POST",
      headers: { ...jsonHeaders(), "content-type": type },
      body,
    });
  expect((await attempt("text/plain", '{"title":"T"}')).status).toBe(415);
  expect((await attempt("application/x-www-form-urlencoded", "title=T")).status).toBe(415);
  expect((await attempt("application/json; charset=latin1", '{"title":"T"}')).status).toBe(415);
  const broken = await attempt("application/json", '{"title":');
  expect(broken).toMatchObject({ status: 400, json: { error: { code: "invalid" } } });
  expect((await attempt("application/json", "[]")).status).toBe(400);
  expect((await attempt("application/json", "null")).status).toBe(400);
});

test("more than the server takes is 413", async () => {
  const long = "a".repeat(400_001);
  for (const body of [
    { title: "T", body: long },
    { title: "T", body: "é".repeat(3_000_000) },
  ]) {
    const answer = await send("/api/documents", {
      method: "POST",
      headers: jsonHeaders(),
      body: JSON.stringify(body),
    });
    expect(answer).toMatchObject({ status: 413, json: { error: { code: "too_large" } } });
  }
});

test("the longest body is taken, whatever its characters", async () => {
  const { document } = await sponsor.json<{ document: { id: string } }>("POST", "/api/documents", {
    title: "T",
    body: "水".repeat(400_000),
  });
  const text = await sponsor.request("GET", `/api/documents/${document.id}/text`);
  expect(await text.text()).toBe("水".repeat(400_000));
});

test("signed out is 401 before the body is looked at", async () => {
  const answer = await send("/api/documents", {
    method: "POST",
    headers: { "content-type": "application/json", origin: app.url },
    body: "{",
  });
  expect(answer).toMatchObject({ status: 401, json: { error: { code: "signed_out" } } });
});

test.each([
  [{ title: "T", colour: "red" }, "colour"],
  [{ title: "" }, "title"],
  [{ title: "   " }, "title"],
  [{ title: "x".repeat(201) }, "title"],
  [{ title: 7 }, "title"],
  [{}, "title"],
  [{ title: "T", body: null }, "body"],
])("A6: refuses %j as a new document and names the field", async (input, field) => {
  const answer = await send("/api/documents", {
    method: "POST",
    headers: jsonHeaders(),
    body: JSON.stringify(input),
  });
  expect(answer).toMatchObject({
    status: 400,
    json: { error: { code: "invalid", details: { field } } },
  });
});

test("every answer forbids foreign scripts, framing and sniffing", async () => {
  for (const path of ["/", "/api/me", "/healthz"]) {
    const { headers } = await send(path);
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("script-src 'self'");
    expect(/script-src[^;]*unsafe/.test(policy)).toBe(false);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["x-powered-by"]).toBeUndefined();
  }
});

test("health says that the process lives, readiness that it takes work", async () => {
  expect(await send("/healthz")).toMatchObject({ status: 200, json: { status: "ok" } });
  expect(await send("/readyz")).toMatchObject({
    status: 200,
    json: { status: "ready", checks: { database: true, migrations: true, model: true } },
  });
});

test("the models are listed for who is signed in, one of them the default", async () => {
  expect((await send("/api/models")).status).toBe(401);
  const { models } = await sponsor.json<{ models: { default: boolean; contextTokens: number }[] }>(
    "GET",
    "/api/models",
  );
  expect(models.filter((model) => model.default)).toHaveLength(1);
  expect(models[0]?.contextTokens).toBeGreaterThan(0);
});

test("metrics are not served on the public port", async () => {
  const answer = await send("/metrics", { headers: { accept: "text/plain" } });
  expect(answer.status).toBe(404);
});
