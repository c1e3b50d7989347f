import { sql } from "kysely";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { isDatabaseUnavailable } from "../../server/database/unavailable.ts";
import { describeDatabase } from "../support/database-contract.ts";
import { silent } from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

let server: PostgresServer;
let database: Database;

beforeAll(async () => {
  server = await startPostgres();
  database = await openEmpty("contract");
  // Two processes that start at once: one migrates, the other waits for it.
  const second = await openDatabase({
    databaseUrl: urls.contract ?? "",
    dataDir: "",
    logger: silent,
  });
  await Promise.all([migrate(database, silent), migrate(second, silent)]);
  await second.close();
});
afterAll(async () => {
  await database?.close();
  await server?.remove();
});

const urls: Record<string, string> = {};

async function openEmpty(name: string): Promise<Database> {
  urls[name] = await server.createDatabase(name);
  return openDatabase({ databaseUrl: urls[name], dataDir: "", logger: silent });
}

describeDatabase("Postgres", () => database);

test("a migration that fails says where and why, and can be tried again", async () => {
  const other = await openEmpty("failing");
  await sql`create table users (id int)`.execute(other.kysely);
  await expect(migrate(other, silent)).rejects.toMatchObject({
    code: "migration_failed",
    message: expect.stringMatching(/0001-first-schema.*users/),
  });
  await sql`drop table users`.execute(other.kysely);
  await migrate(other, silent);
  await other.close();
});

test("a server that goes away is told apart, ends nothing, and is found again when it is back", async () => {
  const held = database.kysely.transaction().execute(async (transaction) => {
    await sql`select 1`.execute(transaction);
    await server.stop();
    await sql`select 1`.execute(transaction);
  });
  await expect(held).rejects.toSatisfy(isDatabaseUnavailable);
  await expect(sql`select 1`.execute(database.kysely)).rejects.toSatisfy(isDatabaseUnavailable);
  expect(await database.ready()).toBe(false);
  await server.start();
  await vi.waitFor(async () => expect(await database.ready()).toBe(true), { timeout: 10_000 });
});

test("a refused statement is not taken for a server that is away", async () => {
  const error = await sql`select * from nowhere`.execute(database.kysely).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Error);
  expect(isDatabaseUnavailable(error)).toBe(false);
});
