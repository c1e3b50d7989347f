import { Secret, TOTP } from "otpauth";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OwnAccount, SessionInfo } from "#shared/account.ts";
import { closeCodes } from "#shared/close-codes.ts";
import type { ErrorBody } from "#shared/errors.ts";
import type { DocumentSummary, User } from "#shared/http.ts";
import { createAccounts } from "../../server/accounts/accounts.ts";
import { openDatabase } from "../../server/database/database.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { type MailServer, startMailServer } from "../support/mail-server.ts";
import { demonstrationPassword, type Person, signIn } from "../support/person.ts";
import { copyEmptyDatabase, silent } from "../support/pglite.ts";

function post(url: string, path: string, body: unknown, headers: Record<string, string> = {}) {
  return fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url, ...headers },
    body: JSON.stringify(body),
  });
}

async function codeOf(answer: Response): Promise<string> {
  return ((await answer.json()) as ErrorBody).error.code;
}

const sessionsOf = async (person: Person) =>
  (await person.json<{ sessions: SessionInfo[] }>("GET", "/api/account/sessions")).sessions;

describe("one's own account over HTTP", () => {
  let app: TestApp;
  let mailServer: MailServer;
  beforeAll(async () => {
    mailServer = await startMailServer();
    const mail = { url: mailServer.url, from: "mail@example.test" };
    app = await startTestApp({ config: { mail } });
  });
  afterAll(async () => {
    await app.close();
    await mailServer.stop();
  });

  test("A16: a sign-in makes a token of its own, whatever cookie came with it, and ends that one's session", async () => {
    const chosen = "a".repeat(40);
    const body = { email: "editor@demo.test", password: demonstrationPassword };
    const first = await post(app.url, "/api/sign-in", body, { cookie: `palimpsest=${chosen}` });
    const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect(cookie).toMatch(/^palimpsest=[a-z0-9]{30,}$/);
    expect(cookie).not.toContain(chosen);
    const me = (value: string) =>
      fetch(`${app.url}/api/me`, { headers: { cookie: value } }).then(({ status }) => status);
    expect(await me(`palimpsest=${chosen}`)).toBe(401);
    const second = await post(app.url, "/api/sign-in", body, { cookie });
    expect(second.headers.getSetCookie()[0]).not.toContain(cookie);
    expect(await me(cookie)).toBe(401);
    expect(await me(second.headers.getSetCookie()[0]?.split(";")[0] ?? "")).toBe(200);
  });

  test("A16: one sees where one is signed in, and ends a session with all that is open under it", async () => {
    const [here, there] = [
      await app.signIn("editor@demo.test"),
      await app.signIn("editor@demo.test"),
    ];
    const owner = await app.signIn("sponsor@demo.test");
    const { document } = await owner.json<{ document: DocumentSummary }>("POST", "/api/documents", {
      title: "Shared",
    });
    await owner.json("PUT", `/api/documents/${document.id}/assignments`, {
      email: "editor@demo.test",
      role: "editor",
    });
    const socket = there.socket();
    await expect.poll(() => socket.connected).toBe(true);
    const copy = there.open(document.id);
    await expect.poll(() => copy.provider.synced).toBe(true);
    const sessions = await sessionsOf(here);
    expect(sessions.filter(({ current }) => current)).toHaveLength(1);
    expect(sessions[0]).toMatchObject({ address: expect.stringMatching(/127\.0\.0\.1$/) });
    expect(JSON.stringify(sessions)).not.toContain(here.cookie.split("=")[1]);
    const other = (await sessionsOf(there)).find(({ current }) => current);

    const gone = Promise.all([
      new Promise((resolve) => socket.once("disconnect", resolve)),
      new Promise<number>((resolve) =>
        copy.provider.on("connection-close", (event) => event && resolve(event.code)),
      ),
    ]);
    const began = performance.now();
    expect((await here.request("DELETE", `/api/account/sessions/${other?.id}`)).status).toBe(204);
    expect((await gone)[1]).toBe(closeCodes.signedOut);
    expect(performance.now() - began).toBeLessThan(1_000);
    copy.close();
    socket.close();
    expect((await there.request("GET", "/api/me")).status).toBe(401);
    expect((await here.request("GET", "/api/me")).status).toBe(200);
  });

  test("A16: nobody ends or sees another's session; all others of one's own end at once", async () => {
    const [one, two, stranger] = [
      await app.signIn("sponsor2@demo.test"),
      await app.signIn("sponsor2@demo.test"),
      await app.signIn("admin@demo.test"),
    ];
    const id = (await sessionsOf(one)).find(({ current }) => current)?.id;
    expect((await sessionsOf(stranger)).map((session) => session.id)).not.toContain(id);
    expect((await stranger.request("DELETE", `/api/account/sessions/${id}`)).status).toBe(404);
    expect((await one.request("GET", "/api/me")).status).toBe(200);
    expect((await one.request("DELETE", "/api/account/sessions")).status).toBe(204);
    expect((await two.request("GET", "/api/me")).status).toBe(401);
    expect(await sessionsOf(one)).toHaveLength(1);
    expect((await stranger.request("GET", "/api/me")).status).toBe(200);
  });

  test("A16: signing out leaves other people's drafts in the browser unless the page says to wipe", async () => {
    const signOut = async (body?: object) => {
      const person = await app.signIn("editor@demo.test");
      const answer = await person.request("POST", "/api/sign-out", body);
      expect(answer.status).toBe(204);
      expect(answer.headers.getSetCookie()[0]).toMatch(/^palimpsest=; .*Max-Age=0/);
      expect((await person.request("GET", "/api/me")).status).toBe(401);
      return answer.headers.get("Clear-Site-Data");
    };
    expect(await signOut()).toBe('"cache"');
    expect(await signOut({})).toBe('"cache"');
    expect(await signOut({ keepDrafts: true })).toBe('"cache"');
    expect(await signOut({ keepDrafts: false })).toBe('"cache", "storage"');
  });

  test("S9: a new name shows in lists and in the presence of an open document", async () => {
    const owner = await app.signIn("sponsor@demo.test");
    const editor = await app.signIn("editor@demo.test");
    const { document } = await owner.json<{ document: DocumentSummary }>("POST", "/api/documents", {
      title: "Named",
    });
    const { user } = await editor.json<{ user: User }>("GET", "/api/me");
    await owner.json("PUT", `/api/documents/${document.id}/assignments`, {
      email: "editor@demo.test",
      role: "editor",
    });
    const [watching, renamed] = [owner.open(document.id), editor.open(document.id)];
    const socket = owner.socket();
    for (const { provider } of [watching, renamed])
      await expect.poll(() => provider.synced).toBe(true);
    await expect.poll(() => socket.connected).toBe(true);
    const told = new Promise((resolve) => socket.once("documents:changed", resolve));
    renamed.provider.awareness.setLocalStateField("cursor", null);
    const namesSeen = () =>
      [...watching.provider.awareness.getStates().values()].flatMap(({ user: who }) =>
        who?.id === user.id ? [who.name] : [],
      );
    await expect.poll(namesSeen).toEqual(["Edith"]);
    const { account } = await editor.json<{ account: OwnAccount }>("PATCH", "/api/account", {
      name: "  Edith \n Two ",
      organisation: "Scriptorium",
    });
    expect(account).toMatchObject({ name: "Edith Two", organisation: "Scriptorium" });
    await expect.poll(namesSeen).toEqual(["Edith Two"]);
    await told;
    const list = await owner.json<{ documents: DocumentSummary[] }>("GET", "/api/documents");
    const people = list.documents.find(({ id }) => id === document.id)?.people;
    expect(people?.map(({ name }) => name)).toContain("Edith Two");
    for (const copy of [watching, renamed]) copy.close();
    socket.close();
    await editor.json("PATCH", "/api/account", { name: "Edith", organisation: null });
  });

  test.each([
    [{ role: "admin" }, "role"],
    [{ status: "active" }, "status"],
    [{ name: " " }, "name"],
    [{ email: "nobody" }, "email"],
  ])("A6: %j is no change of one's own account", async (body, field) => {
    const person = await app.signIn("editor@demo.test");
    const answer = await person.request("PATCH", "/api/account", body);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as ErrorBody).error.details).toEqual({ field });
  });

  test("A17: asking for a link is answered alike for everyone, before anyone is looked up; the link works", async () => {
    const ask = (email: string) => post(app.url, "/api/password-resets", { email });
    const [known, unknown] = [await ask("sponsor2@demo.test"), await ask("nobody@demo.test")];
    expect([known.status, unknown.status]).toEqual([202, 202]);
    expect(await known.json()).toEqual({ mail: true });
    expect(await unknown.json()).toEqual({ mail: true });
    const text = () =>
      mailServer.received.find(({ to }) => to.includes("sponsor2@demo.test"))?.text;
    await expect.poll(text).toContain("/reset#");
    const [link = ""] = /http\S+/.exec(text() ?? "") ?? [];
    expect(link).toMatch(new RegExp(`^${app.url}/reset#[\\w-]{43}$`));
    const token = link.split("#")[1];
    const password = "a later evening fog";
    expect((await post(app.url, "/api/password-resets/use", { token, password })).status).toBe(204);
    const again = await post(app.url, "/api/password-resets/use", { token, password });
    expect([again.status, await codeOf(again)]).toEqual([400, "invalid_link"]);
    await signIn(app.url, "sponsor2@demo.test", password);
  });

  test("A17: an admin hands over a link; nobody else can", async () => {
    const admin = await app.signIn("admin@demo.test");
    const sponsor = await app.signIn("sponsor@demo.test");
    const { user } = await sponsor.json<{ user: User }>("GET", "/api/me");
    const path = `/api/admin/users/${user.id}/reset-link`;
    expect((await sponsor.request("POST", path, {})).status).toBe(403);
    const { url, expiresAt } = await admin.json<{ url: string; expiresAt: string }>("POST", path);
    expect(url).toMatch(new RegExp(`^${app.url}/reset#[\\w-]{43}$`));
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(23 * 60 * 60 * 1000);
  });

  test("A19: a wrong password is 403, so that nobody is signed out by a slip, and is counted", async () => {
    const person = await app.signIn("editor@demo.test");
    const attempt = () =>
      person.request("POST", "/api/account/totp", { password: "not my password" });
    const first = await attempt();
    expect([first.status, await codeOf(first)]).toEqual([403, "wrong_password"]);
    const answers = await Promise.all(Array.from({ length: 12 }, attempt));
    expect(answers.map(({ status }) => status)).toContain(429);
    expect((await person.request("GET", "/api/me")).status).toBe(200);
  });
});

describe("production behind https", () => {
  const origin = "https://write.example.org";
  const password = "quiet morning rain";
  let app: TestApp;
  let cookie: string;
  beforeAll(async () => {
    const dataDir = await copyEmptyDatabase();
    const database = await openDatabase({ dataDir, logger: silent });
    const accounts = createAccounts({ database, secure: true });
    for (const [name, role] of [
      ["root", "admin"],
      ["nora", "sponsor"],
    ] as const)
      await accounts.createAccount({ email: `${name}@example.test`, name, role, password });
    await database.close();
    const port = await freePort();
    app = await startTestApp({
      config: { dataDir, port, production: true, demonstration: false, publicOrigins: [origin] },
    });
  });
  afterAll(() => app.close());

  function enter(email: string, totp?: string) {
    return post(app.url, "/api/sign-in", { email, password, totp }, { origin });
  }

  function ask(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${app.url}${path}`, {
      method,
      headers: { cookie, origin, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  test("A16: the cookie is bound to this host and https, and no script reads it; https is remembered", async () => {
    const answer = await enter("nora@example.test");
    const [setCookie = ""] = answer.headers.getSetCookie();
    expect(setCookie).toMatch(/^__Host-palimpsest=[a-z0-9]+; /);
    const attributes = setCookie.split("; ").slice(1);
    expect(attributes).toEqual(
      expect.arrayContaining(["HttpOnly", "Secure", "SameSite=Lax", "Path=/"]),
    );
    expect(attributes.join()).not.toContain("Domain");
    const seconds = /max-age=(\d+)/.exec(answer.headers.get("Strict-Transport-Security") ?? "");
    expect(Number(seconds?.[1])).toBeGreaterThanOrEqual(365 * 24 * 60 * 60);
  });

  test("A18: an admin's role counts once a second factor is set up, and no sooner", async () => {
    const answer = await enter("root@example.test");
    expect(answer.status).toBe(200);
    [cookie = ""] = answer.headers.getSetCookie()[0]?.split(";") ?? [];
    for (const path of ["/api/admin/users", "/api/admin/audit", "/api/documents"]) {
      const refused = await ask("GET", path);
      expect([refused.status, await codeOf(refused)], path).toEqual([403, "totp_setup_required"]);
    }
    const account = async () =>
      ((await (await ask("GET", "/api/account")).json()) as { account: OwnAccount }).account;
    expect(await account()).toMatchObject({ totp: false, totpRequired: true });
    expect((await ask("PATCH", "/api/account", { name: "Root" })).status).toBe(200);

    const begun = await ask("POST", "/api/account/totp", { password });
    const { secret } = (await begun.json()) as { secret: string };
    expect((await ask("GET", "/api/admin/users")).status).toBe(403);
    const totp = new TOTP({ secret: Secret.fromBase32(secret) });
    const done = await ask("PUT", "/api/account/totp", { code: totp.generate() });
    const { recoveryCodes } = (await done.json()) as { recoveryCodes: string[] };
    expect(recoveryCodes).toHaveLength(10);
    expect((await ask("GET", "/api/admin/users")).status).toBe(200);
    expect(await account()).toMatchObject({ totp: true, recoveryCodesLeft: 10 });

    const without = await enter("root@example.test");
    expect([without.status, await codeOf(without)]).toEqual([401, "totp_required"]);
    expect(without.headers.getSetCookie()).toEqual([]);
    expect((await enter("root@example.test", recoveryCodes[3])).status).toBe(200);
    const off = await ask("DELETE", "/api/account/totp", { password, totp: recoveryCodes[4] });
    expect(off.status).toBe(204);
    expect((await ask("GET", "/api/admin/users")).status).toBe(403);
  });

  test("A18: a sponsor in production goes on without a second factor", async () => {
    [cookie = ""] = (await enter("nora@example.test")).headers.getSetCookie()[0]?.split(";") ?? [];
    expect((await ask("GET", "/api/documents")).status).toBe(200);
  });

  test("A17: without a mail server the answer says so, for everyone alike", async () => {
    for (const email of ["nora@example.test", "nobody@example.test"]) {
      const answer = await post(app.url, "/api/password-resets", { email }, { origin });
      expect([answer.status, await answer.json()]).toEqual([202, { mail: false }]);
    }
  });
});
