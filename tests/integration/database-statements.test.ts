import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Tables } from "../../server/database/tables.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";

let opened: TestDatabase;
let kysely: Kysely<Tables>;
beforeAll(async () => {
  opened = await openTestDatabase();
  ({ kysely } = opened.database);
  await sql`create table shelf (id bigint primary key, word text, picture bytea)`.execute(kysely);
});
afterAll(() => opened.remove());

const read = () => sql`select * from shelf order by id`.execute(kysely);

test("a statement that comes again tells of a column that came meanwhile", async () => {
  await sql`insert into shelf values (${1}, ${"one"}, ${null})`.execute(kysely);
  expect((await read()).rows).toEqual([{ id: 1, word: "one", picture: null }]);
  await sql`alter table shelf add column place int not null default 7`.execute(kysely);
  expect((await read()).rows).toEqual([{ id: 1, word: "one", picture: null, place: 7 }]);
  await sql`alter table shelf drop column place`.execute(kysely);
  expect((await read()).rows).toEqual([{ id: 1, word: "one", picture: null }]);
});

test("a statement that comes again writes and reads each value anew", async () => {
  const values = [null, "", "ä\n'\"\\", "\u{1f600}"];
  for (const [index, word] of values.entries()) {
    const picture = new Uint8Array([0, index, 255]);
    const result = await sql`insert into shelf values (${index + 10}, ${word}, ${picture})`.execute(
      kysely,
    );
    expect(result.numAffectedRows).toBe(1n);
  }
  const { rows } = await sql`select word, picture from shelf where id >= ${10} order by id`.execute(
    kysely,
  );
  expect(rows).toEqual(
    values.map((word, index) => ({ word, picture: new Uint8Array([0, index, 255]) })),
  );
});

test("a statement that is refused leaves the next one, and its own next time, as they are", async () => {
  const insert = (id: number) => sql`insert into shelf (id) values (${id})`.execute(kysely);
  await insert(20);
  await expect(insert(20)).rejects.toMatchObject({ code: "23505" });
  await expect(sql`select nothing from shelf`.execute(kysely)).rejects.toMatchObject({
    code: "42703",
  });
  await insert(21);
  const failed = kysely.transaction().execute(async (transaction) => {
    await sql`insert into shelf (id) values (${22})`.execute(transaction);
    await sql`insert into shelf (id) values (${20})`.execute(transaction);
  });
  await expect(failed).rejects.toMatchObject({ code: "23505" });
  await insert(22);
  const { rows } = await sql`select id from shelf where id between 20 and 29 order by id`.execute(
    kysely,
  );
  expect(rows).toEqual([{ id: 20 }, { id: 21 }, { id: 22 }]);
});

test("more statements than are kept, and one used more often than a plan is, all answer", async () => {
  for (let shape = 0; shape < 450; shape++) {
    const { rows } = await sql`select ${sql.raw(String(shape))} as shape`.execute(kysely);
    expect(rows).toEqual([{ shape }]);
  }
  for (let use = 0; use < 1_100; use++) {
    const { rows } = await sql`select ${use}::bigint as use`.execute(kysely);
    expect(rows).toEqual([{ use }]);
  }
  const kept = await sql<{ count: number }>`select count(*) from pg_prepared_statements`.execute(
    kysely,
  );
  expect(kept.rows[0]?.count).toBeLessThanOrEqual(201);
});
