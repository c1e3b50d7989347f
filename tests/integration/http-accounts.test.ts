import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorBody } from "#shared/errors.ts";
import type { User } from "#shared/http.ts";
import type { AccountStatus } from "#shared/permissions.ts";
import { type Accounts, createAccounts } from "../../server/accounts/accounts.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { demonstrationPassword } from "../support/person.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";

describe("signing in over HTTP", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  function signIn(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${app.url}/api/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: app.url, ...headers },
      body: JSON.stringify(body),
    });
  }

  test("gives the account and a cookie that scripts cannot read", async () => {
    const answer = await signIn({ email: "Sponsor@Demo.test ", password: demonstrationPassword });
    expect(answer.status).toBe(200);
    const { user } = (await answer.json()) as { user: User };
    expect(user).toMatchObject({ email: "sponsor@demo.test", role: "sponsor" });
    expect(Object.keys(user).sort()).toEqual(["email", "id", "name", "role"]);
    const cookie = answer.headers.getSetCookie().join();
    expect(cookie).toMatch(/^palimpsest=[a-z0-9]{30,}; /);
    expect(cookie).toContain("HttpOnly");
    expect(cookie).toContain("SameSite=Lax");
    expect(cookie).not.toContain("Secure");
  });

  test("a wrong password and an unknown email are answered alike", async () => {
    const wrong = await signIn({ email: "sponsor@demo.test", password: "wrong" });
    const unknown = await signIn({ email: "nobody@demo.test", password: "wrong" });
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    const [one, other] = [(await wrong.json()) as ErrorBody, (await unknown.json()) as ErrorBody];
    expect(one.error.code).toBe("invalid_credentials");
    expect(other).toEqual(one);
    expect(wrong.headers.getSetCookie()).toEqual([]);
  });

  test.each([
    [{ email: "sponsor@demo.test" }, "password"],
    [{ email: "a\0b@demo.test", password: "x" }, "email"],
    [{ email: 7, password: "x" }, "email"],
    [{ email: "sponsor@demo.test", password: "x", remember: true }, "remember"],
  ])("A6: refuses %j and names the field", async (body, field) => {
    const answer = await signIn(body);
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as ErrorBody;
    expect(error).toMatchObject({ code: "invalid", details: { field } });
  });

  test("who one is needs a session; after signing out there is none", async () => {
    expect((await fetch(`${app.url}/api/me`)).status).toBe(401);
    const person = await app.signIn("editor@demo.test");
    const { user } = await person.json<{ user: User }>("GET", "/api/me");
    expect(user).toMatchObject({ email: "editor@demo.test", role: "editor" });
    expect((await person.request("POST", "/api/sign-out")).status).toBe(204);
    expect((await person.request("GET", "/api/me")).status).toBe(401);
  });

  test("signing out without a session is no error", async () => {
    const answer = await fetch(`${app.url}/api/sign-out`, {
      method: "POST",
      headers: { origin: app.url },
    });
    expect(answer.status).toBe(204);
  });

  test("a cookie of another program, or a forged one, is nobody", async () => {
    for (const cookie of ["palimpsest=%E0%A4%A", "%=1; palimpsest=", "palimpsest=abc", "x"]) {
      const answer = await fetch(`${app.url}/api/me`, { headers: { cookie } });
      expect(answer.status, cookie).toBe(401);
    }
  });
});

const sender = { address: "127.0.0.1", userAgent: null, requestId: null };

describe("accounts", () => {
  let storage: TestDatabase;
  let accounts: Accounts;
  beforeAll(async () => {
    storage = await openTestDatabase();
    accounts = createAccounts({ database: storage.database, secure: true });
  });
  afterAll(() => storage.remove());

  async function createAccount(email: string, status: AccountStatus): Promise<void> {
    const password = "correct horse";
    const { id } = await accounts.createAccount({ email, name: "N", role: "editor", password });
    await storage.database.kysely
      .updateTable("users")
      .set({ status })
      .where("id", "=", id)
      .execute();
  }

  test.each(["pending", "rejected", "suspended"] as const)(
    "A4: that an account is %s is said only after the right password",
    async (status) => {
      const email = `${status}@example.test`;
      await createAccount(email, status);
      await expect(accounts.signIn({ email, password: "wrong" }, { sender })).rejects.toMatchObject(
        {
          code: "invalid_credentials",
          status: 401,
        },
      );
      await expect(
        accounts.signIn({ email, password: "correct horse" }, { sender }),
      ).rejects.toMatchObject({
        code: `account_${status}`,
        status: 403,
      });
    },
  );

  test("A3: the database holds no session token and no password", async () => {
    await createAccount("kept@example.test", "active");
    const password = "correct horse";
    const { setCookie } = await accounts.signIn(
      { email: "kept@example.test", password },
      { sender },
    );
    const token = /^__Host-palimpsest=([a-z0-9]+);/.exec(setCookie)?.[1] ?? "";
    expect(token.length).toBeGreaterThan(30);
    expect(setCookie).toContain("Secure");
    const { kysely } = storage.database;
    const rows = [
      ...(await kysely.selectFrom("sessions").selectAll().execute()),
      ...(await kysely.selectFrom("users").selectAll().execute()),
    ];
    expect(rows.length).toBeGreaterThan(1);
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(JSON.stringify(rows)).not.toContain(password);
    expect(JSON.stringify(rows)).toContain("$argon2id$");
  });

  test("a session ends with its account's suspension, at its expiry and at its absolute age", async () => {
    const email = "ending@example.test";
    await createAccount(email, "active");
    const { kysely } = storage.database;
    const cookie = async () =>
      (await accounts.signIn({ email, password: "correct horse" }, { sender })).setCookie.split(
        ";",
      )[0];

    const suspended = await cookie();
    expect(await accounts.authenticate(suspended)).toMatchObject({ actor: { name: "N" } });
    await kysely
      .updateTable("users")
      .set({ status: "suspended" })
      .where("email", "=", email)
      .execute();
    expect(await accounts.authenticate(suspended)).toBeUndefined();
    await kysely
      .updateTable("users")
      .set({ status: "active" })
      .where("email", "=", email)
      .execute();

    const expired = await cookie();
    await kysely
      .updateTable("sessions")
      .set({ expires_at: new Date(Date.now() - 1) })
      .execute();
    expect(await accounts.authenticate(expired)).toBeUndefined();

    const old = await cookie();
    const session = await accounts.authenticate(old);
    expect(session).toBeDefined();
    const longAgo = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
    await kysely
      .deleteFrom("sessions")
      .where("token_hash", "=", session?.id ?? "")
      .execute();
    await kysely
      .insertInto("sessions")
      .values({
        token_hash: session?.id ?? "",
        user_id: session?.actor.id ?? "",
        created_at: longAgo,
        expires_at: new Date(Date.now() + 60_000),
      })
      .execute();
    expect(await accounts.authenticate(old)).toBeUndefined();
  });

  test("two accounts cannot have one email, whatever its capitals", async () => {
    const account = { name: "N", role: "sponsor", password: "correct horse" } as const;
    const both = await Promise.allSettled([
      accounts.createAccount({ ...account, email: "twice@example.test" }),
      accounts.createAccount({ ...account, email: "Twice@Example.test" }),
    ]);
    expect(both.map((one) => one.status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(both.find((one) => one.status === "rejected")?.reason).toMatchObject({
      code: "email_taken",
    });
  });
});
