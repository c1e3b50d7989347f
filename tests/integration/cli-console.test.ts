import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createAuditLog } from "../../server/audit/audit-log.ts";
import { confirmWriting, converse, createExecute } from "../../server/cli/console.ts";
import { openStatementRunner, type StatementRunner } from "../../server/cli/statement-runner.ts";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { startTestApp } from "../support/app.ts";
import { compiledServer } from "../support/compiled-server.ts";
import {
  copyEmptyDatabase,
  openTestDatabase,
  silent,
  type TestDatabase,
} from "../support/pglite.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { addAccount } from "../support/sync-server.ts";

const root = resolve(import.meta.dirname, "../..");

interface Current {
  database: Database;
  databaseUrl: string | undefined;
}

/** What both databases keep to. */
function describeConsole(current: () => Current): void {
  let database: Database;
  let runner: StatementRunner;
  let output: PassThrough;

  beforeAll(async () => {
    database = current().database;
    await addAccount(database, "ada");
  });
  beforeEach(() => {
    output = new PassThrough();
    runner = openStatementRunner(current(), { write: false, timeoutMs: 30_000 });
  });
  afterEach(() => runner.close());

  /** Types these lines into the console; resolves with all that it wrote. */
  async function type(lines: string[], write = false): Promise<string> {
    const audit = createAuditLog(database);
    const streams = { input: new PassThrough(), output };
    const written = text(output);
    const execute = createExecute({ runner, audit, write, streams });
    const over = converse(execute, streams, "test");
    streams.input.end(lines.map((line) => `${line}\n`).join(""));
    await over;
    output.end();
    return written;
  }

  const nameOfAda = async () =>
    (
      await database.kysely
        .selectFrom("users")
        .select("name")
        .where("id", "=", "ada")
        .executeTakeFirstOrThrow()
    ).name;

  test.each([
    "update users set name = 'Changed'",
    "delete from assignments",
    "create table mine (id int)",
    "drop table mails",
    "truncate mails",
    "select nextval('mails_id_seq')",
    "do $$ begin update users set name = 'Changed'; end $$",
    "with changed as (update users set name = 'Changed' returning id) select * from changed",
    "commit; update users set name = 'Changed'",
    "select 1; commit; update users set name = 'Changed'",
    "select set_config('transaction_read_only', 'off', false); update users set name = 'Changed'",
  ])("A26: without --write the database itself refuses %j", async (statement) => {
    await expect(runner.run(statement)).rejects.toThrow(
      /read-only|multiple commands|cannot set transaction/,
    );
    expect(await nameOfAda()).toBe("Ada");
  });

  test.each([
    ["commit"],
    ["set transaction read write"],
    ["set default_transaction_read_only = off"],
    ["set session characteristics as transaction read write"],
    ["begin read write"],
    ["rollback"],
  ])("A26: %j opens no way to write for the statements after it", async (statement) => {
    await runner.run(statement).catch(() => undefined);
    await expect(runner.run("update users set name = 'Changed'")).rejects.toThrow("read-only");
    expect(await nameOfAda()).toBe("Ada");
  });

  test("A26: each statement is in the audit log with who typed it, refused ones too, cut to a length", async () => {
    const long = `select '${"x".repeat(3_000)}' as long`;
    await type(["select name from users", "  where id = 'ada';", "drop table users;", `${long};`]);
    const rows = await database.kysely
      .selectFrom("audit_events")
      .select(["actor_id", "details"])
      .where("action", "=", "console.statement")
      .orderBy("id", "desc")
      .limit(3)
      .execute();
    const systemUser = userInfo().username;
    expect(rows.reverse()).toMatchObject([
      {
        actor_id: null,
        details: {
          statement: "select name from users ⏎   where id = 'ada'",
          systemUser,
          write: false,
        },
      },
      { details: { statement: "drop table users" } },
      { details: { statement: long.slice(0, 2_000) } },
    ]);
  });

  test("A26: a statement that cannot be kept in the audit log is not run", async () => {
    const statements: string[] = [];
    const execute = createExecute({
      runner: {
        run: async (statement) => {
          statements.push(statement);
          return { columns: [], rows: [], command: "", count: 0 };
        },
      },
      audit: { record: () => Promise.reject(new Error("the log is away")) },
      write: true,
      streams: { output },
    });
    expect(await execute("delete from users")).toBe(false);
    expect(statements).toEqual([]);
  });

  test("a bad statement is answered with its place, and the next one runs", async () => {
    const written = await type([
      "select *",
      "  from nowhere;",
      "selec 1;",
      "select 'still here' as it;",
    ]);
    expect(written).toContain('relation "nowhere" does not exist\nLINE 2:   from nowhere\n');
    expect(written).toMatch(/LINE 2: {3}from nowhere\n {15}\^/);
    expect(written).toMatch(/syntax error at or near "selec"\nLINE 1: selec 1\n {8}\^/);
    expect(written).toContain("it\n----------\nstill here\n(1 row)");
  });

  test("results are an aligned table, in which nothing speaks to the terminal", async () => {
    const written = await type([
      "select * from (values (1, E'a\\x1b[2Jb\\nc', null), (200, 'long enough', 'x')) as t(id, name, none);",
    ]);
    expect(written).toContain(
      [
        "id  | name        | none",
        "----+-------------+-----",
        "1   | a\uFFFD[2Jb\uFFFDc    |",
        "200 | long enough | x",
        "(2 rows)",
      ].join("\n"),
    );
  });

  test("with writing allowed a statement's change is kept, a failed one's is not", async () => {
    const writer = openStatementRunner(current(), { write: true, timeoutMs: 30_000 });
    try {
      await writer.run("update users set organisation = 'Changed' where id = 'ada'");
      await expect(
        writer.run("update users set organisation = 'Worse', role = 'king'"),
      ).rejects.toThrow("check constraint");
      const { rows } = await runner.run("select organisation from users where id = 'ada'");
      expect(rows).toEqual([["Changed"]]);
      // Whatever else it may: the log stays as it is.
      await expect(writer.run("delete from audit_events")).rejects.toThrow("append-only");
    } finally {
      await writer.close();
    }
  });
}

describe("on PGlite", () => {
  let opened: TestDatabase;
  beforeAll(async () => {
    opened = await openTestDatabase();
  });
  afterAll(() => opened.remove());
  describeConsole(() => ({ database: opened.database, databaseUrl: undefined }));
});

describe("on Postgres", () => {
  let server: PostgresServer;
  let current: Current & { databaseUrl: string };
  beforeAll(async () => {
    server = await startPostgres();
    const databaseUrl = await server.createDatabase("console");
    const database = await openDatabase({ databaseUrl, dataDir: "", logger: silent });
    await migrate(database, silent);
    current = { database, databaseUrl };
  });
  afterAll(async () => {
    await current.database.close();
    await server.remove();
  });
  describeConsole(() => current);

  test("a statement that takes too long is ended, and the next one runs", async () => {
    const runner = openStatementRunner(current, { write: false, timeoutMs: 200 });
    try {
      await expect(runner.run("select pg_sleep(60)")).rejects.toThrow("statement timeout");
      expect(await runner.run("select 1 as one")).toMatchObject({
        columns: ["one"],
        rows: [["1"]],
      });
    } finally {
      await runner.close();
    }
  });
});

test.each([
  [[""], "Nothing was changed."],
  [["no"], "Nothing was changed."],
  [["yes", "yes"], "is called palimpsest"],
  [["yes"], "is called palimpsest"],
  [[], "Nothing was changed."],
])("A26: writing is not allowed by the answers %j", async (answers, sentence) => {
  const streams = { input: new PassThrough(), output: new PassThrough() };
  const asked = confirmWriting("palimpsest", streams);
  streams.input.end(answers.map((line) => `${line}\n`).join(""));
  await expect(asked).rejects.toThrow(sentence);
});

test("A26: writing is allowed by a yes and the database's name", async () => {
  const streams = { input: new PassThrough(), output: new PassThrough() };
  const asked = confirmWriting("palimpsest", streams);
  streams.output.on("data", (bytes: Buffer) => {
    if (bytes.toString().includes("yes")) streams.input.write("yes\n");
    if (bytes.toString().includes("name")) streams.input.write("palimpsest\n");
  });
  await expect(asked).resolves.toBeUndefined();
});

describe("on the command line", () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await copyEmptyDatabase();
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  async function cli(command: string[], input = "") {
    const child = spawn(process.execPath, [await compiledServer("cli"), ...command], {
      cwd: root,
      env: { ...process.env, NODE_ENV: "", DATA_DIR: dataDir },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (bytes: Buffer) => {
        output += bytes.toString();
      });
    child.stdin.end(input);
    const [code] = await once(child, "close");
    return { code: code as number | null, output };
  }

  test("A26: the console runs statements, stops at a refused one with exit code 1, and writes only at a terminal", async () => {
    const asked = await cli(["console", "--execute", "select 1 as one; select 2 as two"]);
    expect(asked).toEqual({ code: 0, output: "one\n---\n1\n(1 row)\ntwo\n---\n2\n(1 row)\n" });
    const refused = await cli(["console"], "delete from users;\nselect 'not reached' as it;\n");
    expect(refused.code).toBe(1);
    expect(refused.output).toContain("read-only transaction");
    expect(refused.output).not.toContain("not reached");
    const writing = await cli(["console", "--write", "--execute", "delete from users"]);
    expect(writing).toMatchObject({
      code: 1,
      output: expect.stringContaining("--write needs a terminal"),
    });
  });

  test("the console says who has the embedded database, and what to do", async () => {
    const app = await startTestApp({ config: { dataDir } });
    try {
      const { code, output } = await cli(["console", "--execute", "select 1"]);
      expect(code).toBe(1);
      expect(output).toMatch(/in use by process \d+.*\n.*stop the server to use the console/);
    } finally {
      await app.stop();
    }
  });
});
