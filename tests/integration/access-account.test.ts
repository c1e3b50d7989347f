import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashToken } from "../../server/accounts/session-store.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { createDocumentPolicy } from "../../server/documents/access.ts";
import { NotFoundError } from "../../server/errors.ts";
import {
  type AccountDesk,
  firstPassword,
  openAccountDesk,
  sender,
} from "../support/account-desk.ts";
import { type MailServer, startMailServer } from "../support/mail-server.ts";
import { openTestDatabase, silent } from "../support/pglite.ts";
import { startPostgres } from "../support/postgres.ts";
import { addDocument } from "../support/sync-server.ts";

interface Store {
  database: Database;
  remove(): Promise<void>;
}

async function openPostgres(): Promise<Store> {
  const server = await startPostgres();
  const databaseUrl = await server.createDatabase("accounts");
  const database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
  await migrate(database, silent);
  return {
    database,
    async remove() {
      await database.close();
      await server.remove();
    },
  };
}

const other = "a later evening fog";
const hourMs = 60 * 60 * 1000;

/** How each ended: "ok", or the code of its refusal. */
async function outcomes(attempts: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(attempts);
  return settled
    .map((one) =>
      one.status === "fulfilled" ? "ok" : String((one.reason as { code?: unknown }).code),
    )
    .sort();
}

describe.each([
  ["PGlite", openTestDatabase],
  ["Postgres", openPostgres],
])("one's own account on %s", (_name, openStore: () => Promise<Store>) => {
  let store: Store;
  let mailServer: MailServer;
  let desk: AccountDesk;
  beforeAll(async () => {
    store = await openStore();
    mailServer = await startMailServer();
    const smtp = { url: mailServer.url, from: "mail@example.test" };
    desk = openAccountDesk(store.database, smtp);
  });
  afterAll(async () => {
    await desk.close();
    await mailServer.stop();
    await store.remove();
  });

  function sessionCount(id: string): Promise<number> {
    return store.database.kysely
      .selectFrom("sessions")
      .select("id")
      .where("user_id", "=", id)
      .execute()
      .then((rows) => rows.length);
  }

  function actionsOn(id: string): Promise<string[]> {
    return store.database.kysely
      .selectFrom("audit_events")
      .select("action")
      .where("target_kind", "=", "account")
      .where("target_id", "=", id)
      .orderBy("id")
      .execute()
      .then((rows) => rows.map((row) => row.action));
  }

  /** The token of the latest link that was mailed there. */
  async function mailedToken(email: string, ask: () => unknown): Promise<string> {
    const before = mailServer.received.length;
    ask();
    const arrived = () =>
      mailServer.received
        .slice(before)
        .find(({ to, text }) => to.includes(email) && text.includes("/reset#"))?.text;
    await expect.poll(arrived).toBeDefined();
    return /\/reset#([\w-]+)/.exec(arrived() ?? "")?.[1] ?? "";
  }

  test("A17: a code is asked for only after the right password", async () => {
    const { email } = await desk.add("asked");
    await desk.secure(email);
    await expect(desk.enter(email, { password: "wrong" })).rejects.toMatchObject({
      code: "invalid_credentials",
      status: 401,
    });
    await expect(desk.enter(email)).rejects.toMatchObject({ code: "totp_required", status: 401 });
    await expect(desk.enter(email, { totp: "" })).rejects.toMatchObject({ code: "totp_required" });
    await expect(desk.enter(email, { totp: "abc" })).rejects.toMatchObject({
      code: "invalid_totp",
      status: 401,
    });
  });

  test("A17: of five sign-ins with one code at once, one succeeds; the code is used up", async () => {
    const { id, email } = await desk.add("codes");
    const { secret } = await desk.secure(email);
    // The code of the setup itself is used up too.
    await expect(desk.enter(email, { totp: desk.code(secret) })).rejects.toMatchObject({
      code: "invalid_totp",
    });
    desk.passMs(30_000);
    const totp = desk.code(secret);
    const before = await sessionCount(id);
    const attempts = Array.from({ length: 5 }, () => desk.enter(email, { totp }));
    expect(await outcomes(attempts)).toEqual([...Array(4).fill("invalid_totp"), "ok"]);
    expect(await sessionCount(id)).toBe(before + 1);
    await expect(desk.enter(email, { totp })).rejects.toMatchObject({ code: "invalid_totp" });
  });

  test("A17: codes of the step before and after count, those further away and older than the last do not", async () => {
    const { email } = await desk.add("steps");
    const { secret } = await desk.secure(email);
    const enter = (steps: number) => desk.enter(email, { totp: desk.code(secret, steps) });
    desk.passMs(10 * 60_000);
    for (const steps of [-2, 2])
      await expect(enter(steps)).rejects.toMatchObject({ code: "invalid_totp" });
    await enter(-1);
    await enter(1);
    await expect(enter(0)).rejects.toMatchObject({ code: "invalid_totp" });
  });

  test("A17: of five sign-ins with one recovery code at once, one succeeds; the others are left", async () => {
    const { email } = await desk.add("recovery");
    const { recoveryCodes, session } = await desk.secure(email);
    expect(new Set(recoveryCodes).size).toBe(10);
    for (const code of recoveryCodes)
      expect(code).toMatch(/^[2-9a-km-np-z]{4}(-[2-9a-km-np-z]{4}){2}$/);
    const [first = "", second = ""] = recoveryCodes;
    const attempts = Array.from({ length: 5 }, () => desk.enter(email, { totp: first }));
    expect(await outcomes(attempts)).toEqual([...Array(4).fill("invalid_totp"), "ok"]);
    await desk.enter(email, { totp: ` ${second.toUpperCase().replaceAll("-", " ")} ` });
    expect(await desk.ownAccounts.read(session)).toMatchObject({
      totp: true,
      recoveryCodesLeft: 8,
    });
  });

  test("A17: new recovery codes take the place of the old ones", async () => {
    const { email } = await desk.add("renewed");
    const { secret, recoveryCodes, session } = await desk.secure(email);
    const confirm = (totp?: string) =>
      desk.ownSecondFactor.renewRecoveryCodes({
        session,
        sender,
        confirmation: { password: firstPassword, totp },
      });
    await expect(confirm()).rejects.toMatchObject({ code: "totp_required", status: 403 });
    desk.passMs(30_000);
    const renewed = await confirm(desk.code(secret));
    await expect(desk.enter(email, { totp: recoveryCodes[0] ?? "" })).rejects.toMatchObject({
      code: "invalid_totp",
    });
    await desk.enter(email, { totp: renewed.recoveryCodes[0] ?? "" });
  });

  test("A17: of two confirmations of one setup at once, one gives the recovery codes", async () => {
    const { email } = await desk.add("setup");
    const session = await desk.enter(email);
    const confirmation = { password: firstPassword };
    const { secret, uri } = await desk.ownSecondFactor.setUp({ session, sender, confirmation });
    expect(uri).toMatch(/^otpauth:\/\/totp\/Palimpsest:setup%40example\.test\?/);
    await expect(
      desk.ownSecondFactor.confirmSetup(session, "000 000", sender),
    ).rejects.toMatchObject({ status: 400, details: { field: "code" } });
    const attempts = [1, 2].map(() =>
      desk.ownSecondFactor.confirmSetup(session, desk.code(secret), sender),
    );
    expect(await outcomes(attempts)).toEqual(["no_totp_setup", "ok"]);
    expect(await desk.ownAccounts.read(session)).toMatchObject({ recoveryCodesLeft: 10 });
  });

  test("A15: a password of eight characters cannot be left without its second factor", async () => {
    const { email } = await desk.add("short");
    const { secret, session } = await desk.secure(email);
    const short = "fog & tea";
    const input = { current: firstPassword, password: short };
    await desk.ownAccounts.changePassword(session, input, sender);
    const takeOff = (password: string) => {
      desk.passMs(30_000);
      const confirmation = { password, totp: desk.code(secret) };
      return desk.ownSecondFactor.takeOff({ session, sender, confirmation });
    };
    await expect(takeOff(short)).rejects.toMatchObject({ status: 400 });
    await desk.enter(email, { password: short, totp: desk.code(secret) });
    await desk.ownAccounts.changePassword(session, { current: short, password: other }, sender);
    await takeOff(other);
    await desk.enter(email, { password: other });
    await expect(
      desk.ownAccounts.changePassword(session, { current: other, password: short }, sender),
    ).rejects.toMatchObject({ status: 400, details: { field: "password" } });
  });

  test("A16: a sign-in with the old password at the moment of its change leaves no session", async () => {
    const { id, email } = await desk.add("changing");
    let session = await desk.enter(email);
    let [current, password] = [firstPassword, other];
    for (let round = 0; round < 8; round++) {
      const change = desk.ownAccounts.changePassword(session, { current, password }, sender);
      const [changed] = await Promise.allSettled([
        change,
        ...[1, 2, 3].map(() => desk.enter(email, { password: current })),
      ]);
      expect(changed.status).toBe("fulfilled");
      expect(await sessionCount(id)).toBe(1);
      session = await desk.enter(email, { password });
      [current, password] = [password, current];
    }
    await expect(
      desk.ownAccounts.changePassword(
        session,
        { current: "wrong", password: "x".repeat(9) },
        sender,
      ),
    ).rejects.toMatchObject({ code: "wrong_password", status: 403, details: { field: "current" } });
  });

  test("A19: a change of password ends the other sessions, tells their connections and the person", async () => {
    const { id, email } = await desk.add("password");
    const [here, there] = [await desk.enter(email), await desk.enter(email)];
    await desk.ownAccounts.changePassword(
      here,
      { current: firstPassword, password: other },
      sender,
    );
    expect(desk.ended).toContain(there.id);
    expect(desk.ended).not.toContain(here.id);
    expect((await desk.ownSessions.list(here)).map(({ current }) => current)).toEqual([true]);
    expect(await actionsOn(id)).toContain("account.password_changed");
    await expect
      .poll(() => mailServer.received.filter(({ to }) => to.includes(email)))
      .toMatchObject([{ subject: "Your password at Palimpsest was changed" }]);
  });

  test("A19: an email is changed with the password alone, and the old address is told", async () => {
    const { email } = await desk.add("address");
    const session = await desk.enter(email);
    const change = (input: object) => desk.ownAccounts.change(session, input, sender);
    await expect(change({ email: "new@example.test" })).rejects.toMatchObject({ status: 400 });
    await expect(change({ email: "new@example.test", password: "wrong" })).rejects.toMatchObject({
      code: "wrong_password",
    });
    await desk.add("taken");
    await expect(
      change({ email: "Taken@example.test", password: firstPassword }),
    ).rejects.toMatchObject({ code: "email_taken", status: 409 });
    const token = await mailedToken(email, () => desk.resets.ask(email));
    const changed = await change({ email: "new@example.test", password: firstPassword });
    expect(changed).toMatchObject({ email: "new@example.test", name: "address" });
    await expect
      .poll(() => mailServer.received.filter(({ to }) => to.includes(email)).length)
      .toBe(2);
    // The link that went to the old address is worth nothing now.
    await expect(desk.resets.use({ token, password: other }, sender)).rejects.toMatchObject({
      code: "invalid_link",
    });
    await desk.enter("NEW@example.test");
  });

  test("A19: of two accounts that take one email at once, one gets it", async () => {
    const people = [await desk.add("first"), await desk.add("second")];
    const sessions = await Promise.all(people.map(({ email }) => desk.enter(email)));
    const input = { email: "wanted@example.test", password: firstPassword };
    const attempts = sessions.map((session) => desk.ownAccounts.change(session, input, sender));
    expect(await outcomes(attempts)).toEqual(["email_taken", "ok"]);
  });

  test("A17: of five uses of one link at once, one sets the password and ends every session", async () => {
    const { id, email } = await desk.add("link");
    const session = await desk.enter(email);
    const token = await mailedToken(email, () => desk.resets.ask(email));
    const attempts = Array.from({ length: 5 }, (_, index) =>
      desk.resets.use({ token, password: `${other} ${index}` }, sender),
    );
    expect(await outcomes(attempts)).toEqual([...Array(4).fill("invalid_link"), "ok"]);
    expect(await sessionCount(id)).toBe(0);
    expect(desk.ended).toContain(session.id);
    const signIns = Array.from({ length: 5 }, (_, index) =>
      desk.enter(email, { password: `${other} ${index}` }),
    );
    expect(await outcomes(signIns)).toEqual([...Array(4).fill("invalid_credentials"), "ok"]);
    expect(await actionsOn(id)).toContain("account.password_reset");
  });

  test("A17: a mailed link lasts an hour and is replaced by a newer one; a weak password leaves it good", async () => {
    const { email } = await desk.add("newer");
    const use = (token: string, password = other) => desk.resets.use({ token, password }, sender);
    const first = await mailedToken(email, () => desk.resets.ask(email));
    const second = await mailedToken(email, () => desk.resets.ask(email.toUpperCase()));
    await expect(use(first)).rejects.toMatchObject({ code: "invalid_link", status: 400 });
    await expect(use(second, "passwordpassword")).rejects.toMatchObject({
      status: 400,
      details: { field: "password" },
    });
    desk.passMs(hourMs);
    await expect(use(second)).rejects.toMatchObject({ code: "invalid_link" });
    const third = await mailedToken(email, () => desk.resets.ask(email));
    desk.passMs(hourMs - 1);
    await use(third);
    await desk.enter(email, { password: other });
  });

  test("A17: an admin's link lasts a day, and what anybody can ask for does not replace it", async () => {
    const { id, email } = await desk.add("helped");
    const admin = await desk.enter((await desk.add("helper", "admin")).email);
    const { secret } = await desk.secure(email);
    const link = async (removeTotp: boolean) =>
      (await desk.resets.link(admin, id, { removeTotp, sender })).url.split("/reset#")[1] ?? "";
    const first = await link(false);
    await mailedToken(email, () => desk.resets.ask(email));
    desk.passMs(24 * hourMs - 1);
    const use = (token: string, totp?: string) =>
      desk.resets.use({ token, password: other, totp }, sender);
    await expect(use(first)).rejects.toMatchObject({ code: "totp_required", status: 401 });
    await expect(use(first, "000000")).rejects.toMatchObject({ code: "invalid_totp", status: 401 });
    await use(first, desk.code(secret));

    const second = await link(false);
    const third = await link(true);
    await expect(use(second, desk.code(secret, 1))).rejects.toMatchObject({ code: "invalid_link" });
    // Until it is used, the second factor is there.
    await expect(desk.enter(email, { password: other })).rejects.toMatchObject({
      code: "totp_required",
    });
    await use(third);
    const session = await desk.enter(email, { password: other });
    expect(await desk.ownAccounts.read(session)).toMatchObject({
      totp: false,
      recoveryCodesLeft: 0,
    });
    expect((await actionsOn(id)).filter((action) => /linked|reset$/.test(action))).toEqual([
      "account.password_reset_linked",
      "account.password_reset",
      "account.password_reset_linked",
      "account.password_reset_linked",
      "account.password_reset",
    ]);
    const late = await link(false);
    desk.passMs(24 * hourMs);
    await expect(use(late)).rejects.toMatchObject({ code: "invalid_link" });
  });

  test("A17: an admin makes no link for himself, for nobody, or for who may not sign in", async () => {
    const { id, email } = await desk.add("maker", "admin");
    const admin = await desk.enter(email);
    const link = (accountId: string) =>
      desk.resets.link(admin, accountId, { removeTotp: true, sender });
    await expect(link(id)).rejects.toMatchObject({ status: 403 });
    await expect(link("nobody")).rejects.toMatchObject({ status: 404 });
    await expect(
      desk.resets.linkFor("nobody@example.test", { removeTotp: true }),
    ).rejects.toMatchObject({ status: 404 });
    const waiting = await desk.add("waiting");
    const { kysely } = store.database;
    await kysely
      .updateTable("users")
      .set({ status: "suspended" })
      .where("id", "=", waiting.id)
      .execute();
    await expect(link(waiting.id)).rejects.toMatchObject({ code: "not_active", status: 409 });
    // Nor is one mailed: the mail that comes is the one that was asked for later.
    const strangers = [waiting.email, "nobody@example.test"];
    for (const stranger of strangers) desk.resets.ask(stranger);
    await desk.resets.settled();
    await mailedToken(email, () => desk.resets.ask(email));
    const recipients = mailServer.received.flatMap(({ to }) => to);
    expect(recipients.filter((to) => strangers.includes(to))).toEqual([]);
  });

  test("A16: sessions that are ended in every way at once end, and nobody is refused for it", async () => {
    const { id, email } = await desk.add("leaving");
    const { kysely } = store.database;
    let here = await desk.enter(email);
    let [current, password] = [firstPassword, other];
    const expiresAt = new Date(Date.now() + hourMs);
    for (let round = 0; round < 4; round++) {
      const tokens = Array.from({ length: 40 }, (_, index) => `token${round}x${index}`);
      await kysely
        .insertInto("sessions")
        .values(
          tokens.map((token) => ({
            token_hash: hashToken(token),
            user_id: id,
            expires_at: expiresAt,
          })),
        )
        .execute();
      const listed = (await desk.ownSessions.list(here)).filter((session) => !session.current);
      const signOuts = async (lane: number) => {
        for (const token of tokens.slice(lane * 10, lane * 10 + 10))
          await desk.accounts.signOut(`__Host-palimpsest=${token}`, sender);
      };
      const ends = async () => {
        for (const session of listed.slice(-10))
          await desk.ownSessions.end(here, session.id, sender).catch((error: unknown) => {
            // One that another has ended is not there any more.
            if (!(error instanceof NotFoundError)) throw error;
          });
      };
      const change = desk.ownAccounts.changePassword(here, { current, password }, sender);
      const endOthers = change.then(() => desk.ownSessions.endOthers(here, sender));
      const ended = await outcomes([change, endOthers, ends(), ...[0, 1, 2, 3].map(signOuts)]);
      expect(ended).toEqual(Array(7).fill("ok"));
      expect(await sessionCount(id)).toBe(1);
      [current, password] = [password, current];
      here = await desk.enter(email, { password: current });
      await desk.ownSessions.endOthers(here, sender);
    }
  });

  test("A16: a session in use says when it was seen last, to the minute", async () => {
    const { kysely } = store.database;
    const { email } = await desk.add("seen");
    const { setCookie } = await desk.accounts.signIn(
      { email, password: firstPassword },
      { sender },
    );
    const use = async () => {
      const session = await desk.accounts.authenticate(setCookie.split(";")[0]);
      return session && (await desk.ownSessions.list(session))[0]?.lastSeenAt;
    };
    const begun = await use();
    expect(await use()).toBe(begun);
    const longAgo = new Date(Date.now() - 61_000);
    await kysely.updateTable("sessions").set({ last_seen_at: longAgo }).execute();
    const seen = await use();
    expect(Date.parse(seen ?? "")).toBeGreaterThanOrEqual(Date.parse(begun ?? ""));
    expect(await use()).toBe(seen);
  });

  test("A16: a sign-in is recorded, and a refusal without what was typed", async () => {
    const { id, email } = await desk.add("recorded");
    const typed = "my secret typed into the wrong field";
    const attempts = [email, `${typed}@example.test`].map(
      (as) => () => desk.enter(as, { password: typed }),
    );
    for (const attempt of attempts)
      await expect(attempt()).rejects.toMatchObject({ code: "invalid_credentials" });
    await desk.enter(email);
    const events = await store.database.kysely
      .selectFrom("audit_events")
      .selectAll()
      .orderBy("id", "desc")
      .limit(3)
      .execute();
    expect(events.reverse()).toMatchObject([
      {
        action: "session.refused",
        actor_id: null,
        target_id: id,
        address: sender.address,
        request_id: sender.requestId,
        details: { reason: "invalid_credentials" },
      },
      { action: "session.refused", target_id: null, details: { reason: "unknown_account" } },
      { action: "session.signed_in", actor_id: id, target_id: id },
    ]);
    expect(JSON.stringify(events)).not.toContain(typed);
  });

  test("A18: on documents too, what only an admin may waits for the second factor; a role there does not", async () => {
    const policy = createDocumentPolicy(store.database);
    const { id } = await desk.add("deputy", "admin");
    const owner = await desk.add("author");
    const document = await addDocument(store.database, "held", {
      [owner.id]: "owner",
      [id]: "editor",
    });
    const alien = await addDocument(store.database, "alien", { [owner.id]: "owner" });
    const admin = { id, name: "deputy", role: "admin" } as const;
    const bare = { ...admin, totpMissing: true } as const;
    await policy.requireAccess(admin, alien, "stop");
    for (const action of ["stop", "reassign"] as const)
      await expect(policy.requireAccess(bare, alien, action)).rejects.toMatchObject({
        code: "totp_setup_required",
        status: 403,
      });
    await policy.requireAccess(bare, document, "stop");
    await expect(policy.requireAccess(bare, document, "reassign")).rejects.toMatchObject({
      code: "totp_setup_required",
    });
  });

  test("A3: the database holds no recovery code and no token of a link", async () => {
    const { email } = await desk.add("hashed");
    const { recoveryCodes } = await desk.secure(email);
    const token = await mailedToken(email, () => desk.resets.ask(email));
    const { kysely } = store.database;
    const rows = JSON.stringify([
      await kysely.selectFrom("recovery_codes").selectAll().execute(),
      await kysely.selectFrom("password_resets").selectAll().execute(),
      await kysely.selectFrom("audit_events").selectAll().execute(),
    ]);
    expect(rows.length).toBeGreaterThan(1000);
    for (const secret of [token, ...recoveryCodes]) {
      expect(rows).not.toContain(secret);
      expect(rows).not.toContain(secret.replaceAll("-", ""));
    }
  });
});
