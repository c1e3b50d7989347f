import { userInfo } from "node:os";
import { createInterface, type Interface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import type { Command } from "commander";
import { cleanText } from "#shared/plain-text.ts";
import { type AuditLog, createAuditLog } from "../audit/audit-log.ts";
import { AppError, InvalidError } from "../errors.ts";
import { formatFailure, formatResult } from "./result-table.ts";
import { saysSomething, splitStatements } from "./split-statements.ts";
import { openStatementRunner, type StatementRunner } from "./statement-runner.ts";
import { withDatabase } from "./with-database.ts";

interface ConsoleFlags {
  execute?: string;
  write?: boolean;
  timeout: string;
}

/** The terminal, or what stands in its place. */
export interface ConsoleStreams {
  input: Readable & { isTTY?: boolean | undefined };
  output: Writable & { isTTY?: boolean | undefined };
}

const statementMaxCharacters = 2_000;

/** `console` */
export function registerConsoleCommand(program: Command): void {
  program
    .command("console")
    .description("ask the database in SQL; it changes nothing unless --write is given")
    .option("--execute <sql>", "run these statements and end; else they are read from the input")
    .option("--write", "let statements change things, once you have said so twice")
    .option("--timeout <seconds>", "how long a statement may take (Postgres)", "30")
    .action((flags: ConsoleFlags) =>
      openConsole(flags, { input: process.stdin, output: process.stdout }),
    );
}

async function openConsole(flags: ConsoleFlags, streams: ConsoleStreams): Promise<void> {
  const timeoutMs = readTimeout(flags.timeout);
  const write = flags.write === true;
  if (write) requireTerminal(streams);
  await withDatabase(async ({ database, config: { databaseUrl } }) => {
    const runner = openStatementRunner({ database, databaseUrl }, { write, timeoutMs });
    try {
      if (write) await confirmWriting(await runner.name(), streams);
      const execute = createExecute({ runner, audit: createAuditLog(database), write, streams });
      const succeeded = await runAll(flags.execute, execute, streams, await runner.name());
      if (!succeeded) process.exitCode = 1;
    } finally {
      await runner.close();
    }
  }).catch((error: unknown) => {
    throw explained(error);
  });
}

function readTimeout(seconds: string): number {
  if (!/^[1-9]\d{0,4}$/.test(seconds))
    throw new InvalidError("--timeout is a number of seconds, from 1 to 99999.");
  return Number(seconds) * 1000;
}

function requireTerminal({ input, output }: ConsoleStreams): void {
  if (input.isTTY === true && output.isTTY === true) return;
  throw new InvalidError(
    "--write needs a terminal, at which a person says twice that it is meant.",
  );
}

/** Asks twice. Throws InvalidError unless both answers are right. */
export async function confirmWriting(name: string, streams: ConsoleStreams): Promise<void> {
  const terminal = createInterface(streams);
  const gone = new AbortController();
  terminal.on("close", () => gone.abort());
  const ask = (question: string) =>
    terminal.question(question, { signal: gone.signal }).catch(() => "");
  try {
    const first = await ask(
      `Statements will change the database "${name}" for good. Type yes to go on: `,
    );
    if (first.trim() !== "yes") throw new InvalidError("Nothing was changed.");
    const second = await ask("Type the name of the database: ");
    if (second.trim() !== name)
      throw new InvalidError(`The database is called ${name}. Nothing was changed.`);
  } finally {
    terminal.close();
  }
}

/** Runs one statement and writes what it gave; false where the database refused it. */
export type Execute = (statement: string) => Promise<boolean>;

interface ExecuteOptions {
  runner: Pick<StatementRunner, "run">;
  audit: AuditLog;
  write: boolean;
  streams: Pick<ConsoleStreams, "output">;
}

/** Each statement stands in the audit log before it runs: a statement that is not kept is not run. */
export function createExecute({ runner, audit, write, streams }: ExecuteOptions): Execute {
  const { username: systemUser } = userInfo();
  return async (statement) => {
    try {
      const details = { statement: asKept(statement), systemUser, write };
      await audit.record({ action: "console.statement", actorId: null, details });
      streams.output.write(`${formatResult(await runner.run(statement))}\n`);
      return true;
    } catch (error) {
      streams.output.write(`${formatFailure(error, statement)}\n`);
      return false;
    }
  };
}

/**
 * As the log keeps it: with what stands in quotes, without which it would not tell what was done; its
 * lines told apart, so that nothing looks like part of a comment.
 */
function asKept(statement: string): string {
  const oneLine = cleanText(statement).replaceAll("\n", " ⏎ ");
  return cleanText(oneLine.slice(0, statementMaxCharacters));
}

/** False where a statement of a script failed: what comes after it is not run. */
async function runAll(
  script: string | undefined,
  execute: Execute,
  streams: ConsoleStreams,
  name: string,
): Promise<boolean> {
  if (script !== undefined) return runScript(script, execute);
  if (streams.input.isTTY !== true) return runScript(await readAll(streams.input), execute);
  await converse(execute, streams, name);
  return true;
}

async function runScript(script: string, execute: Execute): Promise<boolean> {
  const { statements, rest } = splitStatements(script);
  const all = saysSomething(rest) ? [...statements, rest.trim()] : statements;
  for (const statement of all) if (!(await execute(statement))) return false;
  return true;
}

async function readAll(input: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

const help = `Statements end with a semicolon and may take several lines.
\\d lists the tables, \\q ends the console, Ctrl-C forgets what you have typed.`;
const listTables = `select relname as table, reltuples::bigint as about_rows,
  pg_size_pretty(pg_total_relation_size(oid)) as size
  from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname`;

/** Reads statements from a person until the input ends or `\q`; a refused one ends nothing. */
export async function converse(
  execute: Execute,
  streams: ConsoleStreams,
  name: string,
): Promise<void> {
  const { output } = streams;
  output.write(
    `Database "${name}". Each statement is kept in the audit log as you type it: write no secrets.\n${help}\n`,
  );
  const terminal: Interface = createInterface({ ...streams, terminal: output.isTTY === true });
  let text = "";
  const prompt = () => {
    terminal.setPrompt(text === "" ? `${name}=> ` : `${name}-> `);
    terminal.prompt();
  };
  terminal.on("SIGINT", () => {
    text = "";
    output.write("\n");
    prompt();
  });
  prompt();
  for await (const line of terminal) {
    const command = text === "" ? line.trim() : "";
    if (command === "\\q" || command === "exit") break;
    if (command === "\\d") await execute(listTables);
    else if (command === "\\?" || command === "help") output.write(`${help}\n`);
    else {
      const { statements, rest } = splitStatements(`${text}${line}\n`);
      for (const statement of statements) await execute(statement);
      text = saysSomething(rest) ? rest : "";
    }
    prompt();
  }
  terminal.close();
}

/** The embedded database serves one process: says what helps. */
function explained(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== "data_folder_in_use") return error;
  return new AppError(
    error.code,
    error.status,
    `${error.message}\nThe embedded database serves one process at a time: stop the server to use the console. With Postgres (DATABASE_URL) both work side by side.`,
    { cause: error },
  );
}
