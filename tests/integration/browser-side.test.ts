import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Router } from "express";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { DocumentSummary } from "#shared/http.ts";
import { createHttpApp } from "../../server/http/http-app.ts";
import { createOriginCheck } from "../../server/http/origin.ts";
import { declarePermission } from "../../server/http/permission.ts";
import { createLogger } from "../../server/observability/logger.ts";
import { createMetrics } from "../../server/observability/metrics.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { demonstrationPassword, type Person } from "../support/person.ts";
import { exchangeBytes } from "../support/raw-request.ts";

let app: TestApp;
let owner: Person;
let stranger: Person;
let foreignId: string;
/** A built page: its entry and one hashed file. */
let clientDir: string;
beforeAll(async () => {
  clientDir = await mkdtemp(join(tmpdir(), "palimpsest-page-"));
  await mkdir(join(clientDir, "assets"));
  await writeFile(join(clientDir, "index.html"), "<!doctype html><title>Palimpsest</title>");
  await writeFile(join(clientDir, "assets", "index-a1b2.js"), "");
  app = await startTestApp({ loadsModelAhead: true, config: { clientDir } });
  owner = await app.signIn("sponsor@demo.test");
  stranger = await app.signIn("sponsor2@demo.test");
  const { document } = await owner.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "Not yours",
    body: "Once.",
  });
  foreignId = document.id;
});
afterAll(async () => {
  await app?.close();
  await rm(clientDir, { recursive: true, force: true });
});

/** Sources that each directive of the policy allows. */
function directives(policy: string | null): Record<string, string> {
  const parts = (policy ?? "").split(";").map((part) => part.trim().split(/ (.*)/s));
  return Object.fromEntries(parts.map(([name = "", sources = ""]) => [name, sources]));
}

/** What every answer carries, whatever it is. */
function expectGuarded(headers: Headers): void {
  const policy = directives(headers.get("content-security-policy"));
  expect(policy).toMatchObject({
    "default-src": "'self'",
    "script-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "object-src": "'none'",
  });
  const { "style-src": _styles, ...others } = policy;
  expect(Object.values(others).join(" ")).not.toMatch(/unsafe|\*|https?:|blob:/);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("x-frame-options")).toBe("DENY");
  expect(headers.get("referrer-policy")).toBe("same-origin");
  expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  expect(headers.get("x-powered-by")).toBeNull();
  expect(headers.get("server")).toBeNull();
  expect(headers.get("access-control-allow-origin")).toBeNull();
}

describe("A32: every answer says to the browser what it may do", () => {
  test.each([
    ["the page", "/", 200],
    ["a page of it", "/documents/any", 200],
    ["an asset", "/assets/index-a1b2.js", 200],
    ["the API", "/api/models", 200],
    ["a refusal", "/api/admin/users", 403],
    ["a document that is not there", "/api/documents/none", 404],
    ["an address of the API that is not there", "/api/none", 404],
    ["an asset that is not there", "/assets/none.js", 404],
    ["an address that cannot be read", "/api/documents/%E0%A4%A", 400],
    ["health", "/healthz", 200],
    ["readiness", "/readyz", 200],
    ["Socket.IO's own answers", "/socket.io/?EIO=4&transport=polling", 200],
    ["Socket.IO's own refusals", "/socket.io/?EIO=4&transport=none", 400],
  ])("%s", async (_what, path, status) => {
    const answer = await stranger.request("GET", path);
    expect(answer.status).toBe(status);
    expectGuarded(answer.headers);
    expect(answer.headers.get("permissions-policy")).toMatch(/camera=\(\).*geolocation=\(\)/);
  });

  test("a refused method and a refused origin", async () => {
    const wrongOrigin = await fetch(`${app.url}/api/documents`, {
      method: "POST",
      headers: { cookie: owner.cookie, origin: "https://evil.example" },
    });
    expect(wrongOrigin.status).toBe(403);
    expectGuarded(wrongOrigin.headers);
    const wrongMethod = await owner.request("PUT", "/");
    expect(wrongMethod.status).toBe(404);
    expectGuarded(wrongMethod.headers);
  });

  test("nothing of the API is kept by a browser or a proxy, whatever it answered", async () => {
    const paths = [
      "/api/me",
      "/api/none",
      `/api/documents/${foreignId}/text`,
      "/api/account/export",
    ];
    for (const path of [...paths, "/healthz", "/socket.io/?EIO=4&transport=polling"]) {
      const answer = await owner.request("GET", path);
      expect([path, answer.headers.get("cache-control")]).toEqual([path, "no-store"]);
      await answer.body?.cancel();
    }
    const page = await owner.request("GET", "/");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const asset = await owner.request("GET", "/assets/index-a1b2.js");
    expect(asset.headers.get("cache-control")).toContain("immutable");
  });

  test("a refused upgrade says its status and nothing else", async () => {
    const ask = (target: string, origin: string) => {
      const lines = [
        `GET ${target} HTTP/1.1`,
        `Host: ${new URL(app.url).host}`,
        `Origin: ${origin}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ];
      return exchangeBytes(app.url, `${lines.join("\r\n")}\r\n\r\n`);
    };
    const refusal = (status: string) =>
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
    expect(await ask("/none", app.url)).toBe(refusal("404 Not Found"));
    const foreign = await ask(`/sync/${foreignId}`, "https://evil.example");
    expect(foreign).toBe(refusal("403 Forbidden"));
  });
});

test("A33: only behind TLS: HSTS, isolated windows, and a cookie that no other host can set", async () => {
  const plain = await fetch(`${app.url}/`);
  expect(plain.headers.get("strict-transport-security")).toBeNull();
  const attributes = await cookieOf(app);
  expect(attributes).toMatchObject({
    name: "palimpsest",
    httponly: "",
    samesite: "Lax",
    path: "/",
  });
  expect(attributes).not.toHaveProperty("secure");

  const secure = await startTestApp({
    config: { port: await freePort(), publicOrigins: ["https://write.example.org"], clientDir },
  });
  try {
    const answer = await fetch(`${secure.url}/`);
    expectGuarded(answer.headers);
    expect(answer.headers.get("strict-transport-security")).toMatch(
      /^max-age=(31536000|[4-9]\d{7}|\d{9,})\b/,
    );
    expect(answer.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    const cookie = await cookieOf(secure, "https://write.example.org");
    expect(cookie).toMatchObject({
      name: "__Host-palimpsest",
      secure: "",
      httponly: "",
      path: "/",
    });
    expect(cookie).toMatchObject({ samesite: "Lax" });
    expect(cookie).not.toHaveProperty("domain");
  } finally {
    await secure.close();
  }
});

/** The session cookie that signing in sets: its name, and its attributes in small letters. */
async function cookieOf(at: TestApp, origin = at.url): Promise<Record<string, string>> {
  const answer = await fetch(`${at.url}/api/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json", origin },
    body: JSON.stringify({ email: "editor@demo.test", password: demonstrationPassword }),
  });
  expect(answer.status).toBe(200);
  const [pair = "", ...attributes] = (answer.headers.getSetCookie()[0] ?? "").split(/; */);
  const named = attributes.map((each) => each.split("="));
  const entries = named.map(([name = "", value = ""]) => [name.toLowerCase(), value]);
  return { name: pair.split("=")[0] ?? "", ...Object.fromEntries(entries) };
}

describe("A2: a foreign document and none at all look the same", () => {
  const none = "0123456789abcdef01234567";

  test.each([
    ["GET", "", undefined],
    ["GET", "/text", undefined],
    ["GET", "/runs", undefined],
    ["GET", "/versions", undefined],
    ["GET", "/versions/none/text", undefined],
    ["GET", "/assignments", undefined],
    ["PATCH", "", { title: "Mine" }],
    ["PUT", "/assignments", { email: "editor@demo.test", role: "editor" }],
    ["DELETE", "/assignments/someone", undefined],
    ["POST", "/versions", { label: "Mine" }],
    ["POST", "/versions/none/restore", undefined],
  ])("over HTTP: %s /api/documents/:id%s", async (method, path, body) => {
    const [foreign, missing] = await Promise.all(
      [foreignId, none].map(async (id) => {
        const answer = await stranger.request(method, `/api/documents/${id}${path}`, body);
        const headers = [...answer.headers].filter(([name]) => !/^(date|x-request-id)$/.test(name));
        return { status: answer.status, headers, body: await answer.text() };
      }),
    );
    expect(foreign?.status).toBe(404);
    expect(foreign).toEqual(missing);
  });

  test("over Socket.IO", async () => {
    const socket = stranger.socket();
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    const answers = async (documentId: string) => [
      await socket.emitWithAck("document:join", { documentId }),
      await socket.emitWithAck("run:start", { documentId }),
      await socket.emitWithAck("run:stop", { documentId }),
    ];
    const foreign = await answers(foreignId);
    expect(foreign).toEqual(await answers(none));
    for (const answer of foreign) expect(answer).toMatchObject({ ok: false, code: "not_found" });
    socket.close();
  });

  test("over sync", async () => {
    const endOf = async (id: string) => {
      const webSocket = new WebSocket(`${app.url.replace("http", "ws")}/sync/${id}`, {
        headers: { cookie: stranger.cookie },
      });
      const frames: string[] = [];
      webSocket.on("message", (bytes: Buffer) => frames.push(bytes.toString("hex")));
      const [code, reason] = await once(webSocket, "close");
      return { code, reason: String(reason), frames };
    };
    const foreign = await endOf(foreignId);
    expect(foreign).toMatchObject({ code: 4404, frames: [] });
    expect(foreign).toEqual(await endOf(none));
  });
});

describe("A34: what nobody foresaw is answered with an id and no detail", () => {
  const logged: string[] = [];
  let server: Server;
  let url: string;
  beforeAll(async () => {
    const router = Router();
    const fail = declarePermission({ kind: "anyone" }, () => {
      throw new Error("relation users at 10.0.0.7 has no column secret_sauce");
    });
    router.get("/fails", fail);
    const { app: broken } = createHttpApp({
      publicOrigins: ["http://127.0.0.1"],
      isAllowedOrigin: createOriginCheck([]),
      readiness: { database: () => true, migrations: () => true, model: () => true },
      routers: [router],
      clientDir,
      metrics: createMetrics(),
      logger: createLogger("info", { write: (line) => logged.push(line) }),
    });
    server = createServer(broken).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  });
  afterAll(() => server.close());

  test("the id is in the log, beside what happened", async () => {
    const answer = await fetch(`${url}/api/fails`, { headers: { "x-request-id": "forged" } });
    expect(answer.status).toBe(500);
    expectGuarded(answer.headers);
    expect(await answer.json()).toEqual({
      error: { code: "internal", message: "Something went wrong on the server." },
    });
    const id = answer.headers.get("x-request-id");
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const failure = logged.find((line) => line.includes("secret_sauce"));
    expect(failure).toContain(`"requestId":"${id}"`);
  });
});
