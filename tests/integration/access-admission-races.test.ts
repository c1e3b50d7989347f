import { afterAll, beforeAll } from "vitest";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { describeDecisions } from "../support/decisions-contract.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

let embedded: TestDatabase;
let server: PostgresServer;
let postgres: Database;
beforeAll(async () => {
  embedded = await openTestDatabase();
  server = await startPostgres();
  const databaseUrl = await server.createDatabase("decisions");
  postgres = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
  await migrate(postgres, silent);
});
afterAll(async () => {
  await embedded?.remove();
  await postgres?.close();
  await server?.remove();
});

describeDecisions("PGlite", () => embedded.database);
describeDecisions("Postgres", () => postgres);
