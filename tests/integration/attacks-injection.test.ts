import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuditEvent } from "#shared/admin.ts";
import type { DocumentSummary } from "#shared/http.ts";
import { auditCsv } from "../../server/audit/audit-csv.ts";
import { type AttackDesk, openAttackDesk } from "../support/attack-desk.ts";
import { type MailServer, startMailServer } from "../support/mail-server.ts";
import { demonstrationPassword, personWith, signIn } from "../support/person.ts";
import { askExactly, statusOf } from "../support/raw-request.ts";
import { openRawSocket } from "../support/raw-socket.ts";
import { addressOf, nameOf, personFor, validBodies } from "../support/route-requests.ts";

describe("A35: SQL injection", () => {
  const statements = [
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    "\"; UPDATE users SET role='admin'; --",
    "'); SELECT pg_sleep(600); --",
    "' UNION SELECT password_hash FROM users --",
    "\\'; DELETE FROM documents; --",
    "$1; TRUNCATE sessions",
    "%' OR 1=1 --",
    "(select password_hash from users limit 1)",
    "email; DROP TABLE documents",
  ];
  let desk: AttackDesk;
  let answers = "";
  beforeAll(async () => {
    desk = await openAttackDesk();
  });
  afterAll(() => desk.close());

  async function keep(answer: Response): Promise<number> {
    answers += await answer.text();
    return answer.status;
  }

  test.each(statements)(
    "in what people write, %s is kept as it is and runs nowhere",
    async (text) => {
      const { sponsor, editor, documentId } = desk;
      const { document } = await sponsor.json<{ document: DocumentSummary }>(
        "POST",
        "/api/documents",
        { title: text, body: text },
      );
      expect(document.title).toBe(text);
      const path = `/api/documents/${document.id}`;
      expect(await (await sponsor.request("GET", `${path}/text`)).text()).toBe(text);
      await sponsor.json("POST", `${path}/versions`, { label: text });
      const changed = await sponsor.json<{ document: DocumentSummary }>("PATCH", path, {
        title: `${text}!`,
      });
      expect(changed.document.title).toBe(`${text}!`);
      expect(
        await keep(await sponsor.request("POST", "/api/documents", { title: "T", copyOf: text })),
      ).toBe(404);
      const profile = { name: text, organisation: text };
      expect(await keep(await editor.request("PATCH", "/api/account", profile))).toBe(200);
      const assigned = { email: text, role: "editor" };
      expect(
        await keep(
          await sponsor.request("PUT", `/api/documents/${documentId}/assignments`, assigned),
        ),
      ).toBe(404);
    },
  );

  test.each(statements)("before sign-in, %s opens nothing", async (text) => {
    const nobody = personWith(desk.app.url, "");
    for (const input of [
      { email: text, password: demonstrationPassword },
      { email: "admin@demo.test", password: text },
    ])
      expect(await keep(await nobody.request("POST", "/api/sign-in", input))).toBe(401);
    const asking = {
      ...validBodies["POST /api/sign-up"],
      email: `${text.replaceAll(/\s/g, "/**/")}@attack.test`,
      name: text,
      organisation: text,
      reason: text,
    };
    expect([202, 400]).toContain(await keep(await nobody.request("POST", "/api/sign-up", asking)));
    const reset = { token: text, password: "quiet morning rain" };
    expect(await keep(await nobody.request("POST", "/api/password-resets", { email: text }))).toBe(
      202,
    );
    expect(
      await keep(await nobody.request("POST", "/api/password-resets/use", reset)),
    ).toBeLessThan(500);
  });

  test.each(statements)(
    "in the lists' parameters, %s finds nothing or is refused",
    async (text) => {
      const lists = {
        users: ["sort", "direction", "status", "role", "page"],
        documents: ["sort", "direction", "live", "page"],
        audit: ["action", "target", "from", "to", "page"],
      };
      const value = encodeURIComponent(text);
      for (const [list, parameters] of Object.entries(lists)) {
        const found = await desk.admin.request("GET", `/api/admin/${list}?search=${value}${value}`);
        const text2 = await found.text();
        expect([found.status, /"total":0/.test(text2)]).toEqual([200, true]);
        for (const parameter of parameters) {
          const query = `/api/admin/${list}?${parameter}=${value}`;
          expect([query, await keep(await desk.admin.request("GET", query))]).toEqual([query, 400]);
        }
      }
      const exported = await desk.admin.request(
        "GET",
        `/api/admin/audit/export?search=${value}${value}`,
      );
      expect((await exported.text()).trimEnd().split("\n")).toHaveLength(1);
    },
  );

  test.each(statements)("in any place of any path, %s is nobody's id", async (text) => {
    for (const route of desk.app.routes.filter(({ path }) => path.includes(":"))) {
      const person = personFor(desk, route.path);
      const body = route.method === "GET" ? undefined : (validBodies[nameOf(route)] ?? {});
      const answer = await person.request(route.method, addressOf(desk, route.path, text), body);
      expect([nameOf(route), await keep(answer)]).toEqual([nameOf(route), 404]);
    }
  });

  test.each(statements)("over sockets, %s is nobody's document and no model", async (text) => {
    const socket = desk.sponsor.socket();
    for (const event of ["document:join", "run:start", "run:stop"] as const)
      expect(await socket.emitWithAck(event, { documentId: text })).toMatchObject({
        ok: false,
        code: "not_found",
      });
    const { documentId } = desk;
    const model = { documentId, model: text, sampling: { stop: [text] } };
    expect(await socket.emitWithAck("run:start", model)).toMatchObject({ ok: false });
    socket.close();
    const url = `${desk.app.url.replace(/^http/, "ws")}/sync/${encodeURIComponent(text)}`;
    expect(await (await openRawSocket(url, desk.sponsor.cookie)).closed).toBe(4404);
  });

  test("afterwards every row is there, and no secret was told", async () => {
    const kept = await desk.readKept();
    expect(answers).not.toMatch(/argon2|syntax error|relation "/i);
    const demonstration = kept.users.filter(({ email }) => email.endsWith("@demo.test"));
    expect(demonstration.map(({ email, role, status }) => [email, role, status])).toEqual(
      expect.arrayContaining([
        ["admin@demo.test", "admin", "active"],
        ["editor@demo.test", "editor", "active"],
        ["sponsor@demo.test", "sponsor", "active"],
      ]),
    );
    expect(kept.users.filter(({ role }) => role === "admin")).toHaveLength(1);
    expect(kept.documents).toHaveLength(1 + statements.length);
    expect(kept.documents.filter(({ archived_at }) => archived_at !== null)).toEqual([]);
  });
});

describe("A35: log injection", () => {
  const forged = 'x"}\r\n{"level":"info","msg":"forged"}\u001b[2J\u001b]0;owned\u0007\u202e';
  let desk: AttackDesk;
  beforeAll(async () => {
    desk = await openAttackDesk();
  });
  afterAll(() => desk.close());

  test("neither fields, headers nor addresses make a second line or speak to a terminal", async () => {
    const { app, sponsor, admin, logged } = desk;
    const nobody = personWith(app.url, "");
    await nobody.request("POST", "/api/sign-in", { email: forged, password: "wrong" });
    const asking = { ...validBodies["POST /api/sign-up"], name: forged, reason: forged };
    expect((await nobody.request("POST", "/api/sign-up", asking)).status).toBe(202);
    await sponsor.request("PATCH", "/api/account", { name: forged, organisation: forged });
    await sponsor.request("POST", "/api/documents", { title: forged, [forged]: 1 });
    await sponsor.request("GET", `/api/documents/${encodeURIComponent(forged)}`);
    await nobody.request("GET", `/${encodeURIComponent(forged)}?q=${encodeURIComponent(forged)}`);
    await signIn(app.url, "editor@demo.test");
    for (const header of [
      "User-Agent: a\u009b2J\u0085forged",
      "X-Request-Id: forged-request",
      "X-Forwarded-For: 1.2.3.4\u0085forged, 5.6.7.8",
    ]) {
      const body = JSON.stringify({ email: "editor@demo.test", password: demonstrationPassword });
      const headers = [header, "Content-Type: application/json", `Origin: ${app.url}`];
      const answer = await askExactly(app.url, {
        method: "POST",
        target: "/api/sign-in",
        headers,
        body,
      });
      expect(statusOf(answer)).toBe(200);
      expect(answer).not.toContain("forged");
    }
    for (const header of ["User-Agent: a\u001b[2J", "X-Request-Id: a\rb", "User-Agent: a\0b"])
      expect(statusOf(await askExactly(app.url, { target: "/", headers: [header] }))).toBe(400);

    expect(logged.length).toBeGreaterThan(10);
    for (const line of logged) {
      expect(line).toMatch(/^[^\p{Cc}\u202e\u2028\u2029]*\n$/u);
      expect(JSON.parse(line)).not.toMatchObject({ msg: "forged" });
    }
    expect(logged.join("")).not.toContain("forged-request");

    const { events } = await admin.json<{ events: AuditEvent[] }>("GET", "/api/admin/audit");
    const csv = await (await admin.request("GET", "/api/admin/audit/export")).text();
    expect(events.some(({ target }) => target?.name?.includes("forged"))).toBe(true);
    expect(events.flatMap(stringsIn).filter((text) => /[\p{Cc}\u202e]/u.test(text))).toEqual([]);
    expect(
      csv
        .trimEnd()
        .split("\n")
        .every((line) => !/[\p{Cc}\u202e]/u.test(line)),
    ).toBe(true);
    // One line more was written: that of the export itself, and the columns' names.
    expect(csv.trimEnd().split("\n")).toHaveLength(events.length + 2);
  });

  test("an email with control characters is no email", async () => {
    const nobody = personWith(desk.app.url, "");
    for (const email of [
      "a\u001b[2J@b.test",
      "a\u0007@b.test",
      "a\u009b2J@b.test",
      "a\u202e@b.test",
    ]) {
      const asking = { ...validBodies["POST /api/sign-up"], email };
      expect((await nobody.request("POST", "/api/sign-up", asking)).status).toBe(400);
      const changing = { email, password: demonstrationPassword };
      expect((await desk.editor.request("PATCH", "/api/account", changing)).status).toBe(400);
    }
  });
});

function stringsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(stringsIn);
}

describe("A35: CSV injection", () => {
  const formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "＝1+1"];
  let desk: AttackDesk;
  beforeAll(async () => {
    desk = await openAttackDesk();
  });
  afterAll(() => desk.close());

  test("no cell of the audit export begins a formula, whatever names people choose", async () => {
    for (const formula of formulas) {
      await desk.sponsor.json("POST", "/api/documents", { title: formula });
      await desk.sponsor.json("POST", "/api/documents", { title: `x","${formula}` });
    }
    await desk.sponsor.json("PATCH", "/api/account", { name: '=HYPERLINK("http://evil.test")' });
    const csv = await (await desk.admin.request("GET", "/api/admin/audit/export")).text();
    const cells = csv.slice(1).trimEnd().split("\n").flatMap(cellsOf);
    expect(cells).toContain("'=1+1");
    expect(cells.filter((cell) => /^[=+\-@\t\r＝＋－＠]/.test(cell))).toEqual([]);
    expect(cells.length % 11).toBe(0);
  });

  test("a tab or a carriage return before the formula changes nothing", async () => {
    async function* page() {
      yield ["\t=1+1", "\r=1+1"].map((name) => ({ ...event, actor: { id: "a", name } }));
    }
    const event = {
      id: 1,
      createdAt: "2026-01-01T00:00:00.000Z",
      action: "account.created" as const,
      target: null,
      address: null,
      requestId: null,
      details: {},
    };
    let csv = "";
    for await (const piece of auditCsv(page())) csv += piece;
    expect(csv).toContain("'\t=1+1");
    expect(csv).toContain("'\r=1+1");
  });
});

/** The cells of a line of CSV without line feeds in cells. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
}

describe("A35: mail header injection", () => {
  let desk: AttackDesk;
  let mailServer: MailServer;
  beforeAll(async () => {
    mailServer = await startMailServer();
    desk = await openAttackDesk({ mail: { url: mailServer.url, from: "mail@example.test" } });
  });
  afterAll(async () => {
    await desk.close();
    await mailServer.stop();
  });

  test("a name or an email with line breaks makes no header and no recipient", async () => {
    const nobody = personWith(desk.app.url, "");
    const lines = "Eve\r\nBcc: victim@attack.test\r\n\r\nForged body";
    const asking = { ...validBodies["POST /api/sign-up"], name: lines, organisation: lines };
    expect((await nobody.request("POST", "/api/sign-up", asking)).status).toBe(202);
    for (const email of [
      "eve@attack.test\r\nBcc: v@attack.test",
      "eve@attack.test,v@attack.test ",
    ]) {
      const answer = await nobody.request("POST", "/api/sign-up", { ...asking, email });
      expect([202, 400]).toContain(answer.status);
    }
    await expect.poll(() => mailServer.received.length).toBeGreaterThan(0);
    for (const { to, raw } of mailServer.received) {
      expect(to).toHaveLength(1);
      expect(to.join()).not.toContain("victim");
      expect(raw.split("\r\n\r\n")[0]).not.toMatch(/^bcc:/im);
    }
  });
});
