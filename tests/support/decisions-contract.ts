import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Decision } from "#shared/admin.ts";
import type { AccountRole, AccountStatus, Actor } from "#shared/permissions.ts";
import {
  type AccountDecisions,
  createAccountDecisions,
  type Decider,
} from "../../server/accounts/account-decisions.ts";
import { createAccountList } from "../../server/accounts/account-list.ts";
import { createSignUp, type SignUp } from "../../server/accounts/sign-up.ts";
import { createAuditLog } from "../../server/audit/audit-log.ts";
import type { Database } from "../../server/database/database.ts";
import { createMailService } from "../../server/mail/mail-service.ts";
import { silent } from "./pglite.ts";

const sender = { address: "192.0.2.1", userAgent: null, requestId: "request" };
const rounds = 8;

/** What decisions on accounts keep to when they are made at once; `open` gives a migrated database. */
export function describeDecisions(name: string, open: () => Database): void {
  describe(`decisions made at once, on ${name}`, () => {
    let database: Database;
    let decisions: AccountDecisions;
    let signUp: SignUp;
    let people = 0;
    beforeAll(() => {
      database = open();
      const parts = { database, audit: createAuditLog(database), origin: "http://page.test" };
      const mail = createMailService({ database, smtp: undefined, logger: silent });
      const onQueueChanged = () => undefined;
      const list = createAccountList(database);
      const onAccountChanged = async () => undefined;
      decisions = createAccountDecisions({
        ...parts,
        list,
        mail,
        onQueueChanged,
        onAccountChanged,
      });
      signUp = createSignUp({ ...parts, mail, onQueueChanged });
    });
    beforeEach(async () => {
      await database.kysely.deleteFrom("documents").execute();
      await database.kysely.updateTable("users").set({ status_changed_by: null }).execute();
      await database.kysely.deleteFrom("users").execute();
    });

    async function add(role: AccountRole, status: AccountStatus = "active"): Promise<Decider> {
      const id = `account-${++people}`;
      const actor: Actor = { id, name: `Name ${people}`, role };
      await database.kysely
        .insertInto("users")
        .values({ ...actor, email: `${id}@races.test`, status, password_hash: "-" })
        .execute();
      return { actor, sender };
    }

    function statusOf(account: Decider) {
      return database.kysely
        .selectFrom("users")
        .select(["status", "role", "access_epoch"])
        .where("id", "=", account.actor.id)
        .executeTakeFirstOrThrow();
    }

    async function countAdmins(): Promise<number> {
      const rows = await database.kysely
        .selectFrom("users")
        .select("id")
        .where("role", "=", "admin")
        .where("status", "=", "active")
        .execute();
      return rows.length;
    }

    async function auditOf(account: Decider): Promise<string[]> {
      const rows = await database.kysely
        .selectFrom("audit_events")
        .select("action")
        .where("target_id", "=", account.actor.id)
        .orderBy("id")
        .execute();
      return rows.map(({ action }) => action);
    }

    test("A11: of two admins who decide on one request, one does and the other is told who did what", async () => {
      for (let round = 0; round < rounds; round++) {
        const [one, other, asking] = [
          await add("admin"),
          await add("admin"),
          await add("editor", "pending"),
        ];
        const wishes: [Decision, Decider][] = [
          ["approve", one],
          [round % 2 === 0 ? "reject" : "approve", other],
        ];
        const results = await Promise.allSettled(
          wishes.map(([decision, by]) =>
            decisions.decide(decision, asking.actor.id, `by ${by.actor.name}`, by),
          ),
        );
        const won = results.findIndex(({ status }) => status === "fulfilled");
        const [decision, winner] = wishes[won] ?? [];
        const lost = results[1 - won];
        expect(lost).toMatchObject({
          status: "rejected",
          reason: {
            code: "already_decided",
            status: 409,
            details: {
              status: decision === "approve" ? "active" : "rejected",
              reason: `by ${winner?.actor.name}`,
              by: { id: winner?.actor.id, name: winner?.actor.name },
            },
          },
        });
        expect(String(lost?.status === "rejected" && lost.reason)).toContain(winner?.actor.name);
        expect(await auditOf(asking)).toHaveLength(1);
        expect((await statusOf(asking)).access_epoch).toBe(1);
      }
    });

    test("A12: two admins who demote each other at once leave one", async () => {
      for (let round = 0; round < rounds; round++) {
        await database.kysely.deleteFrom("users").execute();
        const [one, other] = [await add("admin"), await add("admin")];
        const results = await Promise.allSettled([
          decisions.changeRole(other.actor.id, "sponsor", one),
          decisions.changeRole(one.actor.id, "sponsor", other),
        ]);
        expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
        expect(await countAdmins()).toBe(1);
      }
    });

    test("A12: however admins turn on each other and themselves at once, one is left", async () => {
      for (let round = 0; round < rounds; round++) {
        await database.kysely.updateTable("users").set({ status_changed_by: null }).execute();
        await database.kysely.deleteFrom("users").execute();
        const admins: Decider[] = [];
        while (admins.length < 5) admins.push(await add("admin"));
        await Promise.allSettled(
          admins.flatMap((by, place) => [
            decisions.decide("suspend", admins[(place + 1) % 5]?.actor.id ?? "", null, by),
            decisions.changeRole(by.actor.id, "editor", by),
          ]),
        );
        expect(await countAdmins()).toBe(1);
      }
    });

    test.each([
      ["suspended", (id: string, by: Decider) => decisions.decide("suspend", id, null, by)],
      ["made a sponsor", (id: string, by: Decider) => decisions.changeRole(id, "sponsor", by)],
      ["made an editor", (id: string, by: Decider) => decisions.changeRole(id, "editor", by)],
    ])("A12: the last active admin is not %s", async (_what, attempt) => {
      const last = await add("admin");
      await add("admin", "suspended");
      await add("admin", "pending");
      await expect(attempt(last.actor.id, last)).rejects.toMatchObject({
        code: "last_admin",
        status: 409,
        message: expect.stringContaining(last.actor.name),
      });
      expect(await statusOf(last)).toMatchObject({ role: "admin", status: "active" });
      expect(await auditOf(last)).toEqual([]);
    });

    test("A12: nobody rejects an active admin, the last or not", async () => {
      const [one, other] = [await add("admin"), await add("admin")];
      await expect(decisions.decide("reject", other.actor.id, null, one)).rejects.toMatchObject({
        code: "already_decided",
      });
    });

    test("an admin who was suspended while the request came in decides nothing", async () => {
      const [one, other, asking] = [
        await add("admin"),
        await add("admin"),
        await add("editor", "pending"),
      ];
      await decisions.decide("suspend", other.actor.id, null, one);
      await expect(decisions.decide("approve", asking.actor.id, null, other)).rejects.toMatchObject(
        { status: 401 },
      );
      expect((await statusOf(asking)).status).toBe("pending");
    });

    test("A10: somebody who asks twice at once has one request", async () => {
      const request = {
        name: "Ana",
        password: "a long and quiet sentence",
        role: "editor" as const,
      };
      for (let round = 0; round < 3; round++) {
        const email = `twice-${round}@races.test`;
        await Promise.all(
          [email, email.toUpperCase(), email].map((spelt) =>
            signUp({ ...request, email: spelt }, sender),
          ),
        );
        const rows = await database.kysely
          .selectFrom("users")
          .select("status")
          .where("email", "ilike", email)
          .execute();
        expect(rows).toEqual([{ status: "pending" }]);
      }
    });

    test("A12: an owner of documents is not made an editor, whichever comes first", async () => {
      const [admin, sponsor] = [await add("admin"), await add("sponsor")];
      const { id } = sponsor.actor;
      await database.kysely
        .insertInto("documents")
        .values({ id: "owned", title: "T", owner_id: id })
        .execute();
      await expect(decisions.changeRole(id, "editor", admin)).rejects.toMatchObject({
        code: "owns_documents",
        message: expect.stringContaining("another owner"),
        details: { count: 1 },
      });
      expect(await decisions.changeRole(id, "admin", admin)).toMatchObject({ role: "admin" });
    });

    test("a session that ends by any way moves its account's access epoch", async () => {
      const account = await add("editor");
      const { id } = account.actor;
      const begin = (token_hash: string) =>
        database.kysely
          .insertInto("sessions")
          .values({ token_hash, user_id: id, expires_at: new Date(Date.now() + 60_000) })
          .execute();
      await begin(`${id}-a`);
      await begin(`${id}-b`);
      await database.kysely.deleteFrom("sessions").where("token_hash", "=", `${id}-a`).execute();
      expect((await statusOf(account)).access_epoch).toBe(1);
      expect(await decisions.endSessions(id, await add("admin"))).toBe(1);
      expect((await statusOf(account)).access_epoch).toBe(2);
    });
  });
}
