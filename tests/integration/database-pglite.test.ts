import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../../server/database/database.ts";
import { describeDatabase } from "../support/database-contract.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";

let opened: TestDatabase;
beforeAll(async () => {
  opened = await openTestDatabase();
});
afterAll(() => opened.remove());

describeDatabase("PGlite", () => opened.database);

test("O2: a data folder in use is refused with the process that has it", async () => {
  await expect(openDatabase({ dataDir: opened.dataDir, logger: silent })).rejects.toMatchObject({
    code: "data_folder_in_use",
    message: expect.stringContaining(String(process.pid)),
  });
});

test("after a kill -9 the next start takes the folder over and finds every acknowledged row", async () => {
  const other = await openTestDatabase();
  await other.database.close();
  const writer = spawn(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "-e", writingProgram(other.dataDir)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let acknowledged = 0;
  for await (const chunk of writer.stdout) {
    acknowledged = Math.max(acknowledged, ...String(chunk).trim().split("\n").map(Number));
    if (acknowledged >= 20) break;
  }
  writer.kill("SIGKILL");
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, "exit");
  const database = await openDatabase({ dataDir: other.dataDir, logger: silent });
  const { count } = await database.kysely
    .selectFrom("users")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  expect(count).toBeGreaterThanOrEqual(acknowledged);
  await database.close();
  await other.remove();
});

/** Inserts accounts for ever and says the number of each once it is there. */
function writingProgram(dataDir: string): string {
  const module = new URL("../../server/database/database.ts", import.meta.url).href;
  return `
    const { openDatabase } = await import(${JSON.stringify(module)});
    const logger = { info() {}, warn() {} };
    const { kysely } = await openDatabase({ dataDir: ${JSON.stringify(dataDir)}, logger });
    for (let n = 1; ; n++) {
      await kysely.insertInto("users").values({ id: "u" + n, email: "u" + n, name: "u",
        role: "editor", status: "active", password_hash: "-" }).execute();
      console.log(n);
    }`;
}

test.each([
  ["of a process that is dead", async () => ({ pid: await deadPid(), process: "gone" })],
  [
    "of an earlier process with this one's pid",
    async () => ({ pid: process.pid, process: "past" }),
  ],
])("a lock file %s is taken over", async (_whose, holder) => {
  const { dataDir, database } = await openTestDatabase();
  await database.close();
  const lock = join(dataDir, "database.lock");
  await writeFile(lock, JSON.stringify({ host: hostname(), ...(await holder()) }));
  const again = await openDatabase({ dataDir, logger: silent });
  expect(JSON.parse(await readFile(lock, "utf8"))).toMatchObject({ pid: process.pid });
  await again.close();
  await rm(dataDir, { recursive: true });
});

test("a lock file that was cut off while it was written is taken over", async () => {
  const { dataDir, database } = await openTestDatabase();
  await database.close();
  await writeFile(join(dataDir, "database.lock"), "");
  const again = await openDatabase({ dataDir, logger: silent });
  expect(await again.ready()).toBe(true);
  await again.close();
  await rm(dataDir, { recursive: true });
});

test("a lock file of another machine is believed, with what to do about it", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "palimpsest-"));
  await mkdir(dataDir, { recursive: true });
  await writeFile(
    join(dataDir, "database.lock"),
    JSON.stringify({ host: "elsewhere", pid: 1, process: null }),
  );
  await expect(openDatabase({ dataDir, logger: silent })).rejects.toMatchObject({
    code: "data_folder_in_use",
    message: expect.stringMatching(/elsewhere.*delete/),
  });
  await rm(dataDir, { recursive: true });
});

test("closing twice is closing once, and lets the next one in", async () => {
  const { dataDir, database } = await openTestDatabase();
  await Promise.all([database.close(), database.close()]);
  expect(await database.ready()).toBe(false);
  const again = await openDatabase({ dataDir, logger: silent });
  expect(await again.ready()).toBe(true);
  await again.close();
  await rm(dataDir, { recursive: true });
});

async function deadPid(): Promise<number> {
  const { child } = promisify(execFile)(process.execPath, ["-e", ""]);
  await once(child, "exit");
  if (child.pid === undefined) throw new Error("the process did not start");
  return child.pid;
}
