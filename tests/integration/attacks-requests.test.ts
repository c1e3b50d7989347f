import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DocumentSummary } from "#shared/http.ts";
import { type AttackDesk, openAttackDesk } from "../support/attack-desk.ts";
import { demonstrationPassword } from "../support/person.ts";
import { askExactly, exchangeBytes, statusOf } from "../support/raw-request.ts";
import { addressOf, nameOf, personFor, validBodies } from "../support/route-requests.ts";

let desk: AttackDesk;
beforeAll(async () => {
  desk = await openAttackDesk();
});
afterAll(() => desk.close());

async function titles(): Promise<string[]> {
  const { documents } = await desk.sponsor.json<{ documents: DocumentSummary[] }>(
    "GET",
    "/api/documents",
  );
  return documents.map(({ title }) => title);
}

describe("A38: forged requests", () => {
  const types = {
    "a form": "application/x-www-form-urlencoded",
    "a form with files": "multipart/form-data; boundary=x",
    "JSON as text": "text/plain",
    "JSON as nothing": undefined,
    "JSON as JSON": "application/json",
  };

  test.each(Object.entries(types))(
    "%s from another page changes nothing, at any route",
    async (_what, type) => {
      for (const route of desk.app.routes.filter(({ method }) => method !== "GET")) {
        const body = JSON.stringify(validBodies[nameOf(route)] ?? {});
        for (const origin of [
          "https://evil.test",
          "null",
          `${desk.app.url}.evil.test`,
          undefined,
        ]) {
          const headers = [`Cookie: ${personFor(desk, route.path).cookie}`];
          if (type !== undefined) headers.push(`Content-Type: ${type}`);
          if (origin !== undefined) headers.push(`Origin: ${origin}`);
          const answer = await askExactly(desk.app.url, {
            method: route.method,
            target: addressOf(desk, route.path),
            headers,
            body,
          });
          expect([nameOf(route), origin, statusOf(answer)]).toEqual([nameOf(route), origin, 403]);
          expect(answer).toContain("wrong_origin");
        }
      }
    },
  );

  test("from our own page too, nothing but JSON is read", async () => {
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]) {
      const answer = await askExactly(desk.app.url, {
        method: "POST",
        target: "/api/documents",
        headers: [
          `Cookie: ${desk.sponsor.cookie}`,
          `Origin: ${desk.app.url}`,
          `Content-Type: ${type}`,
        ],
        body: '{"title":"Forged"}',
      });
      expect(statusOf(answer)).toBe(415);
    }
    expect(await titles()).toEqual(["Attacked"]);
  });

  test("no other page is let read an answer, whatever it asks the browser to ask", async () => {
    for (const method of ["OPTIONS", "GET"]) {
      const answer = await askExactly(desk.app.url, {
        method,
        target: "/api/me",
        headers: [
          `Cookie: ${desk.sponsor.cookie}`,
          "Origin: https://evil.test",
          "Access-Control-Request-Method: POST",
          "Access-Control-Request-Headers: content-type",
        ],
      });
      expect(answer).not.toMatch(/^access-control-/im);
      expect(answer).toMatch(/^cross-origin-resource-policy: same-origin\r$/im);
    }
  });

  test("no GET and no HEAD changes anything but the log", async () => {
    const path = `/api/documents/${desk.documentId}`;
    const before = await (await desk.sponsor.request("GET", path)).text();
    for (const { path: route } of desk.app.routes.filter(({ method }) => method === "GET"))
      for (const method of ["GET", "HEAD"]) {
        const address = route === "/{*path}" ? "/" : addressOf(desk, route);
        const query = "?title=Forged&status=active&role=admin&archived=true&_method=DELETE";
        const headers = [
          `Cookie: ${personFor(desk, route).cookie}`,
          "X-HTTP-Method-Override: DELETE",
        ];
        const answer = await askExactly(desk.app.url, { method, target: address + query, headers });
        expect(statusOf(answer)).toBeLessThan(500);
      }
    for (const act of ["approve", "reject", "suspend", "reinstate", "end-sessions", "reset-link"])
      expect(
        (await desk.admin.request("GET", `/api/admin/users/${desk.editorId}/${act}`)).status,
      ).toBe(404);
    expect(await (await desk.sponsor.request("GET", path)).text()).toBe(before);
    expect((await desk.editor.request("GET", "/api/me")).status).toBe(200);
  });

  test.each([
    "X-HTTP-Method-Override: PATCH",
    "X-HTTP-Method: PATCH",
    "X-Method-Override: PATCH",
    "X-Original-URL: /api/admin/users",
    "X-Rewrite-URL: /api/admin/users",
  ])("%s makes no other request of it", async (header) => {
    const answer = await askExactly(desk.app.url, {
      method: "POST",
      target: `/api/documents/${desk.documentId}?_method=PATCH`,
      headers: [
        header,
        `Cookie: ${desk.sponsor.cookie}`,
        `Origin: ${desk.app.url}`,
        "Content-Type: application/json",
      ],
      body: '{"title":"Forged","_method":"PATCH"}',
    });
    expect(statusOf(answer)).toBe(404);
    expect(await titles()).toEqual(["Attacked"]);
  });

  test.each(["TRACE", "CONNECT", "PROPFIND", "PURGE", "get", "G\u00cbT"])(
    "%s is no method of ours",
    async (method) => {
      const headers = [`Cookie: ${desk.sponsor.cookie}`, "X-Echo: echoed"];
      const answer = await askExactly(desk.app.url, { method, target: "/api/me", headers });
      expect(answer).not.toContain("echoed");
      expect(answer).not.toMatch(/^HTTP\/1\.1 [25]/);
    },
  );
});

describe("A38: requests in requests", () => {
  const forged = '{"title":"Smuggled"}';
  const hidden = () =>
    [
      "POST /api/documents HTTP/1.1",
      `Host: ${new URL(desk.app.url).host}`,
      `Cookie: ${desk.sponsor.cookie}`,
      `Origin: ${desk.app.url}`,
      "Content-Type: application/json",
      `Content-Length: ${forged.length}`,
      "",
      forged,
    ].join("\r\n");
  const framings = {
    "a length and chunks": (body: string) =>
      `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${body}`,
    "chunks and a length": (body: string) =>
      `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${body}`,
    "two lengths": (body: string) =>
      `Content-Length: 0\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    "a length that is none": (body: string) => `Content-Length: +0\r\n\r\n${body}`,
    "chunks by another name": (body: string) =>
      `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${body}`,
    "chunks with a space": (body: string) => `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${body}`,
    "chunks on a folded line": (body: string) =>
      `X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${body}`,
    "a chunk that is too short": (body: string) =>
      `Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n${body}`,
    "a bare line feed": (body: string) => `Transfer-Encoding: chunked\n\r\n0\r\n\r\n${body}`,
  };

  test.each(Object.entries(framings))(
    "%s is refused, and what hides in it",
    async (_what, frame) => {
      const head = [
        "POST /api/sign-out HTTP/1.1",
        `Host: ${new URL(desk.app.url).host}`,
        `Origin: ${desk.app.url}`,
        "Content-Type: application/json",
      ].join("\r\n");
      const answer = await exchangeBytes(desk.app.url, `${head}\r\n${frame(hidden())}`);
      expect(answer.match(/^HTTP\/1\.1 \d{3}/gm)?.at(-1)).toBe("HTTP/1.1 400");
      expect(answer).not.toContain("Smuggled");
      expect(await titles()).toEqual(["Attacked"]);
    },
  );

  test("headers without end are 431, and the server goes on", async () => {
    const many = Array.from({ length: 5_000 }, (_, n) => `X-Flood-${n}: 1`);
    for (const headers of [
      [`X-Flood: ${"x".repeat(100_000)}`],
      many,
      [`Cookie: ${"a=b; ".repeat(20_000)}`],
    ])
      expect(statusOf(await askExactly(desk.app.url, { target: "/", headers }))).toBe(431);
    const long = await askExactly(desk.app.url, { target: `/${"x".repeat(100_000)}` });
    expect([414, 431]).toContain(statusOf(long));
    expect((await desk.sponsor.request("GET", "/api/me")).status).toBe(200);
  });
});

describe("A38: cookies", () => {
  const me = (cookie: string) =>
    fetch(`${desk.app.url}/api/me`, { headers: { cookie } }).then(({ status }) => status);

  test("a token that somebody chose is never taken over", async () => {
    const chosen = "a".repeat(40);
    const answer = await fetch(`${desk.app.url}/api/sign-in?palimpsest=${chosen}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        origin: desk.app.url,
        cookie: `palimpsest=${chosen}`,
      },
      body: JSON.stringify({ email: "sponsor2@demo.test", password: demonstrationPassword }),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.getSetCookie().join()).not.toContain(chosen);
    expect(await me(`palimpsest=${chosen}`)).toBe(401);
  });

  test("of several cookies of the name the first counts, and a bad one makes nobody of it", async () => {
    const { cookie: own } = desk.sponsor;
    const { cookie: other } = desk.editor;
    const who = async (cookie: string) => {
      const answer = await fetch(`${desk.app.url}/api/me`, { headers: { cookie } });
      return answer.ok
        ? ((await answer.json()) as { user: { email: string } }).user.email
        : answer.status;
    };
    expect(await who(`${own}; ${other}`)).toBe("sponsor@demo.test");
    expect(await who(`${other}; ${own}`)).toBe("editor@demo.test");
    expect(await who(`palimpsest=; ${own}`)).toBe(401);
    for (const bad of ["palimpsest", "Palimpsest=x", "palimpsest[]=x", "$Version=1; xpalimpsest=y"])
      expect(await who(`${bad}; ${own}`)).toBe("sponsor@demo.test");
    for (const value of ["' OR 1=1", "../x", "%00", "__proto__", "x".repeat(200), '"', "j:{}"])
      expect(await me(`palimpsest=${value}`)).toBe(401);
  });

  test("a session is nowhere but in the cookie", async () => {
    const token = desk.sponsor.cookie.split("=")[1] ?? "";
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { "x-session": token },
      { "proxy-authorization": token },
    ])
      expect((await fetch(`${desk.app.url}/api/me?palimpsest=${token}`, { headers })).status).toBe(
        401,
      );
  });
});

describe("A38: another host", () => {
  const hosts = ["evil.test", "127.0.0.1:1@evil.test", "evil.test#", "", "a".repeat(300)];

  test.each(hosts)("Host: %s is in no link, no redirection and no policy", async (host) => {
    const body = "{}";
    const { cookie } = desk.admin;
    const target = `/api/admin/users/${desk.editorId}/reset-link`;
    const { url } = desk.app;
    const lines = [
      `POST ${target} HTTP/1.1`,
      `Host: ${host}`,
      "X-Forwarded-Host: evil.test",
      "X-Forwarded-Proto: https",
      "Forwarded: host=evil.test",
      "Connection: close",
      `Cookie: ${cookie}`,
      `Origin: ${url}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
    ];
    const answer = await exchangeBytes(url, `${lines.join("\r\n")}\r\n\r\n${body}`);
    expect(statusOf(answer)).toBe(200);
    expect(answer).not.toContain("evil.test");
    const link: unknown = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
    expect(link).toMatchObject({ url: expect.stringMatching(new RegExp(`^${url}/reset#`)) });
    const page = await exchangeBytes(
      url,
      `GET //evil.test/%2e%2e HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(page).not.toContain("evil.test");
  });

  test("an origin is ours by the settings, never by the Host header", async () => {
    const lines = [
      "Host: evil.test",
      "Connection: close",
      "Origin: http://evil.test",
      `Cookie: ${desk.sponsor.cookie}`,
    ];
    const answer = await exchangeBytes(
      desk.app.url,
      `POST /api/sign-out HTTP/1.1\r\n${lines.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(statusOf(answer)).toBe(403);
    const upgrade = [
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for (const target of [`/sync/${desk.documentId}`, "/socket.io/?EIO=4&transport=websocket"]) {
      const refused = await exchangeBytes(
        desk.app.url,
        `GET ${target} HTTP/1.1\r\n${["Host: evil.test", "Connection: Upgrade", ...upgrade, "Origin: http://evil.test", `Cookie: ${desk.sponsor.cookie}`].join("\r\n")}\r\n\r\n`,
      );
      expect([400, 403]).toContain(statusOf(refused));
    }
  });

  test("nothing redirects, so nothing redirects elsewhere", async () => {
    for (const target of [
      "//evil.test",
      "/\\evil.test",
      "/assets",
      "/assets/",
      "//evil.test/%2f..",
      "/sign-in?from=//evil.test&next=https://evil.test&redirect=https://evil.test",
      "/%0d%0aLocation:%20https://evil.test",
    ]) {
      const answer = await askExactly(desk.app.url, { target });
      expect([target, /^HTTP\/1\.1 3\d\d/.test(answer)]).toEqual([target, false]);
      expect(answer).not.toMatch(/^(location|refresh):/im);
    }
  });
});

test("afterwards nothing has changed, and nothing failed", async () => {
  expect(desk.logged.filter((line) => line.includes("request failed"))).toEqual([]);
  const kept = await desk.readKept();
  expect(kept.documents).toMatchObject([{ title: "Attacked", archived_at: null, purge_at: null }]);
  expect(kept.users.map(({ email, status }) => [email, status])).toEqual([
    ["admin@demo.test", "active"],
    ["editor@demo.test", "active"],
    ["sponsor2@demo.test", "active"],
    ["sponsor@demo.test", "active"],
  ]);
});
