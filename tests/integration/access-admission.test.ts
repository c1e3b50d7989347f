import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AdminUser } from "#shared/admin.ts";
import type { ErrorBody } from "#shared/errors.ts";
import type { DocumentSummary, User } from "#shared/http.ts";
import { throttleLimits } from "../../server/http/throttle-limits.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import type { LiveSocket, Person } from "../support/person.ts";
import { signIn } from "../support/person.ts";

const password = "a long and quiet sentence";
const many = { count: 10_000, seconds: 3600 };

let app: TestApp;
let admin: Person;
let second: Person;
let sponsor: Person;
beforeAll(async () => {
  app = await startTestApp({ limits: { http: { ...throttleLimits, signUpsFromAddress: many } } });
  admin = await app.signIn("admin@demo.test");
  sponsor = await app.signIn("sponsor@demo.test");
  const sam = await findUser("sponsor2@demo.test");
  await admin.json("PATCH", `/api/admin/users/${sam.id}`, { role: "admin" });
  second = await app.signIn("sponsor2@demo.test");
});
afterAll(() => app.close());

function ask(fields: Record<string, unknown> = {}): Promise<Response> {
  return fetch(`${app.url}/api/sign-up`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: app.url },
    body: JSON.stringify({ email: newEmail(), name: "Ana", role: "editor", password, ...fields }),
  });
}

let emails = 0;
function newEmail(): string {
  return `person-${++emails}@joining.test`;
}

async function list(query = ""): Promise<{ users: AdminUser[]; total: number }> {
  return admin.json("GET", `/api/admin/users${query}`);
}

async function findUser(email: string): Promise<AdminUser> {
  const { users } = await list(`?search=${encodeURIComponent(email)}`);
  const user = users.find((one) => one.email === email);
  if (user === undefined) throw new Error(`${email} is not in the list`);
  return user;
}

type Request = { email?: string } & Record<string, unknown>;

async function asked({ email = newEmail(), ...fields }: Request = {}): Promise<AdminUser> {
  expect((await ask({ email, ...fields })).status).toBe(202);
  return findUser(email);
}

async function errorOf(answer: Response): Promise<ErrorBody["error"]> {
  return ((await answer.json()) as ErrorBody).error;
}

async function trySignIn(email: string, typed = password): Promise<Response> {
  return fetch(`${app.url}/api/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: app.url },
    body: JSON.stringify({ email, password: typed }),
  });
}

/** What the log says of an account, oldest first. */
async function auditOf(id: string) {
  const { events } = await admin.json<{
    events: { action: string; target: { id: string } | null; details: object; address: string }[];
  }>("GET", "/api/admin/audit?target=account");
  return events.filter(({ target }) => target?.id === id).reverse();
}

describe("asking to join", () => {
  test("A10: whoever asks waits, and reaches nothing until an admin lets him in", async () => {
    const user = await asked({ organisation: " A press ", reason: "I edit\r\nstories." });
    expect(user).toMatchObject({
      name: "Ana",
      organisation: "A press",
      reason: "I edit\nstories.",
      role: "editor",
      status: "pending",
      statusChangedBy: null,
      lastSeenAt: null,
    });
    const waiting = await trySignIn(user.email);
    expect(waiting.status).toBe(403);
    expect(await errorOf(waiting)).toMatchObject({ code: "account_pending" });
    expect(waiting.headers.getSetCookie()).toEqual([]);
    const wrong = await errorOf(await trySignIn(user.email, "another long sentence"));
    expect(wrong.code).toBe("invalid_credentials");

    await admin.json("POST", `/api/admin/users/${user.id}/approve`, { reason: "Welcome" });
    const person = await signIn(app.url, user.email, password);
    expect(await person.json("GET", "/api/me")).toMatchObject({ user: { role: "editor" } });
    expect(await findUser(user.email)).toMatchObject({
      status: "active",
      statusReason: "Welcome",
      statusChangedBy: { name: "Ada" },
      lastSeenAt: expect.any(String),
    });
    expect(await auditOf(user.id)).toMatchObject([
      { action: "account.signed_up", details: { outcome: "asked", role: "editor" } },
      { action: "session.refused" },
      { action: "session.refused" },
      { action: "account.approved", details: { before: "pending", reason: "Welcome" } },
      { action: "session.signed_in" },
    ]);
  });

  test("A10: a known email is answered as an unknown one, and nothing changes", async () => {
    const user = await asked();
    const known = [user.email, user.email.toUpperCase(), "admin@demo.test", "sponsor@demo.test"];
    for (const email of known) {
      const answer = await ask({ email, name: "Eve", password: "quite another sentence" });
      expect(answer.status).toBe(202);
      expect(await answer.json()).toEqual({ status: "pending" });
    }
    expect(await findUser(user.email)).toEqual(user);
    expect((await errorOf(await trySignIn(user.email))).code).toBe("account_pending");
    expect((await trySignIn(user.email, "quite another sentence")).status).toBe(401);
    await app.signIn("admin@demo.test");
  });

  test("A10: a weak password is refused for a known email as for an unknown one", async () => {
    const answers = await Promise.all(
      ["admin@demo.test", newEmail()].map(async (email) => {
        const answer = await ask({ email, password: "short" });
        return { status: answer.status, error: await errorOf(answer) };
      }),
    );
    expect(answers[0]).toMatchObject({ status: 400, error: { details: { field: "password" } } });
    expect(answers[1]).toEqual(answers[0]);
  });

  test("A10: the time of an answer does not tell whether the email is known", async () => {
    const times: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
    const { email } = await asked();
    for (let round = 0; round < 30; round++)
      for (const kind of ["known", "unknown"] as const) {
        const from = performance.now();
        await ask({ email: kind === "known" ? email : newEmail() });
        times[kind].push(performance.now() - from);
      }
    // The quicker ones: what a busy machine adds is not the server's doing.
    const quick = (values: number[]) => values.sort((a, b) => a - b)[3] ?? 0;
    const [known, unknown] = [quick(times.known), quick(times.unknown)];
    process.stdout.write(
      `sign-up: known ${known.toFixed(1)} ms, unknown ${unknown.toFixed(1)} ms\n`,
    );
    // Leaving out one of the two argon2 computations would be a third of it.
    expect(Math.abs(known - unknown)).toBeLessThan(0.25 * Math.max(known, unknown));
  });

  test.each([
    [{ role: "admin" }, "role"],
    [{ status: "active" }, "status"],
    [{ id: "x" }, "id"],
    [{ name: " " }, "name"],
    [{ email: "nobody" }, "email"],
    [{ email: "a@b\r\nBcc: c@d" }, "email"],
  ])("A6: %j is refused and named", async (fields, field) => {
    const answer = await ask(fields);
    expect(answer.status).toBe(400);
    expect(await errorOf(answer)).toMatchObject({ code: "invalid", details: { field } });
  });

  test("A10: a rejected person is told why, and asks again with the same password alone", async () => {
    const user = await asked({ reason: "First" });
    const path = `/api/admin/users/${user.id}`;
    await admin.json("POST", `${path}/reject`, { reason: "Tell us who you are." });
    const refused = await errorOf(await trySignIn(user.email));
    expect(refused).toMatchObject({
      code: "account_rejected",
      message: expect.stringContaining("“Tell us who you are.” You may ask again"),
      details: { reason: "Tell us who you are.", accountId: user.id },
    });
    expect((await errorOf(await trySignIn(user.email, "not the password"))).message).not.toContain(
      "Tell us",
    );

    const { email } = user;
    await ask({ email, reason: "I am Eve", password: "quite another sentence" });
    expect(await findUser(email)).toMatchObject({ status: "rejected", reason: "First" });
    await ask({ email, reason: "I am Ana of the press", role: "sponsor" });
    expect(await findUser(email)).toMatchObject({
      id: user.id,
      status: "pending",
      role: "sponsor",
      reason: "I am Ana of the press",
      statusReason: null,
      statusChangedBy: null,
    });
    await second.json("POST", `${path}/approve`);
    expect((await trySignIn(email)).status).toBe(200);
    expect((await auditOf(user.id)).map(({ action }) => action)).toEqual([
      "account.signed_up",
      "account.rejected",
      "session.refused",
      "session.refused",
      "account.signed_up",
      "account.signed_up",
      "account.approved",
      "session.signed_in",
    ]);
  });

  test("a rejected person can be let in after all", async () => {
    const user = await asked();
    await admin.json("POST", `/api/admin/users/${user.id}/reject`);
    await admin.json("POST", `/api/admin/users/${user.id}/reinstate`);
    expect((await trySignIn(user.email)).status).toBe(200);
  });
});

describe("deciding", () => {
  test("A11: a second decision is refused with who made the first, and why", async () => {
    const user = await asked();
    const path = `/api/admin/users/${user.id}`;
    await admin.json("POST", `${path}/reject`, { reason: "Not now" });
    for (const decision of ["approve", "reject"]) {
      const answer = await second.request("POST", `${path}/${decision}`, { reason: "Mine" });
      expect(answer.status).toBe(409);
      expect(await errorOf(answer)).toMatchObject({
        code: "already_decided",
        message: "Ada has declined the request of Ana already. The reason given: “Not now”",
        details: { status: "rejected", reason: "Not now", by: { name: "Ada" } },
      });
    }
    expect(await findUser(user.email)).toMatchObject({ status: "rejected" });
  });

  test.each(["suspend", "reinstate"])("who still waits is not for “%s”", async (decision) => {
    const user = await asked();
    const answer = await admin.request("POST", `/api/admin/users/${user.id}/${decision}`, {});
    expect(answer.status).toBe(409);
    expect((await errorOf(answer)).code).toBe("not_decided");
  });

  test("A11: many at once are each decided for themselves", async () => {
    const users = [await asked(), await asked(), await asked()];
    const ids = users.map(({ id }) => id);
    await second.json("POST", `/api/admin/users/${ids[1]}/reject`, { reason: "Twice" });
    const answer = await admin.json<{ users: AdminUser[]; refused: { id: string }[] }>(
      "POST",
      "/api/admin/users/approve",
      { ids: [...ids, ids[0], "nobody"], reason: "All" },
    );
    expect(answer.users.map(({ id }) => id)).toEqual([ids[0], ids[2]]);
    expect(answer.refused).toMatchObject([
      { id: ids[1], code: "already_decided", message: expect.stringContaining("Sam") },
      { id: "nobody", code: "not_found" },
    ]);
    const rest = await admin.json("POST", "/api/admin/users/reject", {
      ids: [(await asked()).id],
      reason: "Full",
    });
    expect(rest).toMatchObject({
      users: [{ status: "rejected", statusReason: "Full" }],
      refused: [],
    });
  });

  test("A12: the last active admin stays, whatever he asks for", async () => {
    const { user: me } = await second.json<{ user: User }>("GET", "/api/me");
    const { user: ada } = await admin.json<{ user: User }>("GET", "/api/me");
    await second.json("PATCH", `/api/admin/users/${me.id}`, { role: "sponsor" });
    const path = `/api/admin/users/${ada.id}`;
    for (const attempt of [
      admin.request("POST", `${path}/suspend`, {}),
      admin.request("PATCH", path, { role: "sponsor" }),
      admin.request("PATCH", path, { role: "editor" }),
    ]) {
      const answer = await attempt;
      expect(answer.status).toBe(409);
      expect((await errorOf(answer)).code).toBe("last_admin");
    }
    expect((await second.request("POST", `${path}/suspend`, {})).status).toBe(403);
    await admin.json("PATCH", `/api/admin/users/${me.id}`, { role: "admin" });
  });

  test("A12: a sponsor with documents is not made an editor until they are given away", async () => {
    const { user: sofia } = await sponsor.json<{ user: User }>("GET", "/api/me");
    const { document } = await sponsor.json<{ document: DocumentSummary }>(
      "POST",
      "/api/documents",
      { title: "Mine" },
    );
    const path = `/api/admin/users/${sofia.id}`;
    const answer = await admin.request("PATCH", path, { role: "editor" });
    expect(answer.status).toBe(409);
    expect(await errorOf(answer)).toMatchObject({
      code: "owns_documents",
      message: "Sofia owns a document, and an editor owns none. Give it to another owner first.",
    });
    const heir = await asked({ role: "sponsor" });
    await admin.json("POST", `/api/admin/users/${heir.id}/approve`);
    await admin.json("PUT", `/api/admin/documents/${document.id}/owner`, { email: heir.email });
    expect(await admin.json("PATCH", path, { role: "editor" })).toMatchObject({
      user: { role: "editor" },
    });
    expect((await sponsor.request("POST", "/api/documents", { title: "T" })).status).toBe(403);
    await admin.json("PATCH", path, { role: "sponsor" });
    expect((await auditOf(sofia.id)).at(-1)).toMatchObject({
      action: "account.role_changed",
      details: { before: "editor", after: "sponsor" },
    });
  });

  test("an editor who waits, or is suspended, cannot be assigned, and the sponsor is told why", async () => {
    const { document } = await sponsor.json<{ document: DocumentSummary }>(
      "POST",
      "/api/documents",
      { title: "T" },
    );
    const user = await asked();
    const assign = () =>
      sponsor.request("PUT", `/api/documents/${document.id}/assignments`, {
        email: user.email,
        role: "editor",
      });
    const expectNobody = async (answer: Response) => {
      expect(answer.status).toBe(404);
      expect(await errorOf(answer)).toMatchObject({
        code: "no_such_account",
        message: expect.stringMatching(/may still wait, or the account be suspended/),
        details: { field: "email" },
      });
    };
    await expectNobody(await assign());
    const path = `/api/admin/users/${user.id}`;
    await admin.json("POST", `${path}/approve`);
    await admin.json("POST", `${path}/suspend`);
    await expectNobody(await assign());
    await admin.json("POST", `${path}/reinstate`);
    expect((await assign()).status).toBe(200);
  });

  test("A1: the routes are for admins alone", async () => {
    const { id } = await asked();
    const path = `/api/admin/users/${id}`;
    const attempts: [string, string, unknown?][] = [
      ["GET", "/api/admin/users"],
      ...["approve", "reject", "suspend", "reinstate"].map(
        (decision): [string, string, unknown] => ["POST", `${path}/${decision}`, {}],
      ),
      ["POST", "/api/admin/users/approve", { ids: [id] }],
      ["POST", "/api/admin/users/reject", { ids: [id] }],
      ["PATCH", path, { role: "admin" }],
      ["POST", `${path}/end-sessions`, {}],
    ];
    for (const [method, route, body] of attempts) {
      expect((await sponsor.request(method, route, body)).status, route).toBe(403);
      const nobody = await fetch(`${app.url}${route}`, { method, headers: { origin: app.url } });
      expect(nobody.status, route).toBe(401);
    }
    expect((await list(`?search=${id}`)).users).toEqual([]);
  });
});

describe("the list of accounts", () => {
  test("A11: searches, filters, sorts and pages on the server", async () => {
    for (let place = 0; place < 53; place++)
      await asked({
        email: `page-${String(place).padStart(2, "0")}@listed.test`,
        name: `Li${"abcdefgh"[place % 8]}sted`,
        organisation: "100%_sure",
        role: place % 2 === 0 ? "sponsor" : "editor",
      });
    const first = await list("?search=@LISTED.test&sort=email&direction=asc");
    expect(first.total).toBe(53);
    expect(first.users).toHaveLength(50);
    const rest = await list("?search=@listed.test&sort=email&direction=asc&page=2");
    expect([...first.users, ...rest.users].map(({ email }) => email)).toEqual(
      Array.from(
        { length: 53 },
        (_, place) => `page-${String(place).padStart(2, "0")}@listed.test`,
      ),
    );
    const newest = await list("?search=@listed.test");
    expect(newest.users[0]?.email).toBe("page-52@listed.test");
    expect((await list("?search=@listed.test&role=editor")).total).toBe(26);
    expect((await list("?search=@listed.test&status=active")).total).toBe(0);
    expect((await list(`?search=${encodeURIComponent("100%_s")}`)).total).toBe(53);
    expect((await list(`?search=${encodeURIComponent("0%s")}`)).total).toBe(0);
    expect((await list(`?search=${encodeURIComponent("' or 1=1 --")}`)).total).toBe(0);
    const byName = await list("?search=@listed.test&sort=name&direction=asc");
    const names = byName.users.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect((await list("?page=9999")).users).toEqual([]);
  });

  test.each(["page=0", "sort=password_hash", "direction=up", "status=gone", "limit=1"])(
    "A6: %s is refused",
    async (query) => {
      expect((await admin.request("GET", `/api/admin/users?${query}`)).status).toBe(400);
    },
  );

  test("A3: it holds no secret of anybody", async () => {
    const { users } = await list();
    expect(JSON.stringify(users)).not.toMatch(/argon2|password|secret/i);
  });
});

describe("the queue's length", () => {
  async function counts(socket: LiveSocket): Promise<number[]> {
    const seen: number[] = [];
    socket.on("admin:waiting", ({ count }) => seen.push(count));
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    return seen;
  }

  test("A11: admins hear how many wait when they come and at each change, others never", async () => {
    const waiting = (await list("?status=pending")).total;
    const [ours, theirs, notTheirs] = [admin.socket(), second.socket(), sponsor.socket()];
    const overheard: unknown[] = [];
    notTheirs.onAny((event, payload) => overheard.push([event, payload]));
    const [one, other] = await Promise.all([counts(ours), counts(theirs)]);
    expect(one.at(-1)).toBe(waiting);
    const users = [await asked(), await asked()];
    await expect.poll(() => one.at(-1)).toBe(waiting + 2);
    await expect.poll(() => other.at(-1)).toBe(waiting + 2);
    await second.json("POST", `/api/admin/users/${users[0]?.id}/approve`);
    await expect.poll(() => one.at(-1)).toBe(waiting + 1);
    await admin.json("POST", "/api/admin/users/reject", { ids: [users[1]?.id] });
    await expect.poll(() => one.at(-1)).toBe(waiting);
    await ask({ email: "admin@demo.test" });

    // Made an admin, one hears of it on the connection that is open; made none, not any more.
    const { user } = await sponsor.json<{ user: User }>("GET", "/api/me");
    const promoted = counts(notTheirs);
    const path = `/api/admin/users/${user.id}`;
    expect(overheard).toEqual([]);
    await admin.json("PATCH", path, { role: "admin" });
    const heard = await promoted;
    expect(heard.at(-1)).toBe(waiting);
    await admin.json("PATCH", path, { role: "sponsor" });
    const before = heard.length;
    await asked();
    await expect.poll(() => one.at(-1)).toBe(waiting + 1);
    await notTheirs.emitWithAck("document:leave", { documentId: "x" });
    expect(heard).toHaveLength(before);
    for (const socket of [ours, theirs, notTheirs]) socket.close();
  });
});
