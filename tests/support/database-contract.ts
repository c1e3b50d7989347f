import { sql } from "kysely";
import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { silent } from "./pglite.ts";
import { addAccount, addDocument } from "./sync-server.ts";

/** What every kind of database keeps to; `open` gives a migrated one. */
export function describeDatabase(name: string, current: () => Database): void {
  describe(`${name} keeps the contract of a database`, () => {
    let database: Database;
    beforeAll(async () => {
      database = current();
      await addAccount(database, "owner");
    });

    test("it is ready", async () => {
      expect(await database.ready()).toBe(true);
    });

    test("int8 reads as number, over the whole range of client ids", async () => {
      const row = await sql<{ id: number; none: null }>`
        select ${2 ** 32 - 1}::bigint as id, null::bigint as none`.execute(database.kysely);
      expect(row.rows).toEqual([{ id: 4294967295, none: null }]);
    });

    test("bytes come back as the bytes they were, the empty ones too", async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      const { rows } = await sql<{ all: Uint8Array; empty: Uint8Array }>`
        select ${bytes}::bytea as all, ${new Uint8Array()}::bytea as empty`.execute(
        database.kysely,
      );
      const [row] = rows;
      expect(row?.all).toBeInstanceOf(Uint8Array);
      expect([...(row?.all ?? [])]).toEqual([...bytes]);
      expect(row?.empty).toHaveLength(0);
    });

    test("jsonb, dates, booleans, reals and text of every kind round-trip", async () => {
      const date = new Date("2024-02-29T12:34:56.789Z");
      const text = "naïve 🜲 שלום e\u0301 \u2028";
      const { rows } = await sql`
        select ${JSON.stringify({ a: [1, null, "ü"] })}::jsonb as json, ${date}::timestamptz as date,
          ${true}::boolean as yes, ${-1.5}::real as real, ${text}::text as text,
          ${null}::text as nothing`.execute(database.kysely);
      expect(rows).toEqual([
        { json: { a: [1, null, "ü"] }, date, yes: true, real: -1.5, text, nothing: null },
      ]);
    });

    test("\\0 in text is refused, not cut", async () => {
      await expect(sql`select ${"a\0b"}::text`.execute(database.kysely)).rejects.toMatchObject({
        code: "22021",
      });
      expect(await database.ready()).toBe(true);
    });

    test("a transaction that throws leaves nothing", async () => {
      const failing = database.kysely.transaction().execute(async (transaction) => {
        await sql`insert into documents (id, title, owner_id) values ('rolled-back', 't', 'owner')`.execute(
          transaction,
        );
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      const rows = await database.kysely
        .selectFrom("documents")
        .select("id")
        .where("id", "=", "rolled-back")
        .execute();
      expect(rows).toEqual([]);
    });

    test("nobody sees what a transaction has not committed", async () => {
      await addDocument(database, "isolated", { owner: "owner" });
      const seen: string[] = [];
      let look: Promise<unknown> = Promise.resolve();
      await database.kysely.transaction().execute(async (transaction) => {
        await transaction
          .updateTable("documents")
          .set({ title: "new" })
          .where("id", "=", "isolated")
          .execute();
        look = database.kysely
          .selectFrom("documents")
          .select("title")
          .where("id", "=", "isolated")
          .executeTakeFirstOrThrow()
          .then(({ title }) => seen.push(title));
        // Postgres answers now, PGlite's one connection when this has ended: never with half of it.
        await transaction
          .updateTable("documents")
          .set({ excerpt: "new" })
          .where("id", "=", "isolated")
          .execute();
      });
      await look;
      expect(["isolated", "new"]).toContain(seen[0]);
    });

    test("seq has no gap and no double under concurrent writers, also when some roll back", async () => {
      await addDocument(database, "concurrent", { owner: "owner" });
      const append = (index: number) =>
        database.kysely.transaction().execute(async (transaction) => {
          const { head_seq } = await transaction
            .updateTable("documents")
            .set((column) => ({ head_seq: column("head_seq", "+", 1) }))
            .where("id", "=", "concurrent")
            .returning("head_seq")
            .executeTakeFirstOrThrow();
          await transaction
            .insertInto("document_updates")
            .values({
              document_id: "concurrent",
              seq: head_seq,
              origin: "system",
              payload: Uint8Array.of(index),
            })
            .execute();
          if (index % 5 === 0) throw new Error("rolled back");
        });
      await Promise.allSettled(Array.from({ length: 40 }, (_, index) => append(index)));
      const rows = await database.kysely
        .selectFrom("document_updates")
        .select("seq")
        .where("document_id", "=", "concurrent")
        .orderBy("seq")
        .execute();
      expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 32 }, (_, seq) => seq + 1));
    });

    test("a document has one live run, however many ask at once", async () => {
      await addDocument(database, "one-run", { owner: "owner" });
      const start = (id: string) =>
        sql`insert into runs (id, document_id, model, sampling, seed, state, caret, started_by,
              changed_by, context_limit)
            values (${id}, 'one-run', 'm', '{}', 1, 'queued', ${new Uint8Array()}, 'owner', 'owner', 9)`.execute(
          database.kysely,
        );
      const results = await Promise.allSettled(["r1", "r2", "r3"].map(start));
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      await sql`update runs set state = 'finished' where document_id = 'one-run'`.execute(
        database.kysely,
      );
      await start("r4");
    });

    test("emails are one account's, in whatever case", async () => {
      const add = (id: string, email: string) =>
        database.kysely
          .insertInto("users")
          .values({ id, email, name: id, role: "editor", status: "active", password_hash: "-" })
          .execute();
      await add("mixed", "Some.One@example.org");
      await expect(add("lower", "some.one@example.org")).rejects.toMatchObject({ code: "23505" });
    });

    test("a row count tells how many rows changed", async () => {
      const result = await database.kysely
        .updateTable("users")
        .set({ name: "x" })
        .where("id", "=", "nobody")
        .executeTakeFirst();
      expect(result.numUpdatedRows).toBe(0n);
    });

    test("migrating twice changes nothing, also at the same time", async () => {
      await Promise.all([migrate(database, silent), migrate(database, silent)]);
      expect(await database.ready()).toBe(true);
    });
  });
}
