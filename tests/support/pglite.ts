import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pino from "pino";
import { type Database, openDatabase } from "../../server/database/database.ts";
import { migrate } from "../../server/database/migrate.ts";
import { migrations } from "../../server/database/migrations.ts";

export interface TestDatabase {
  database: Database;
  /** Opened again after `database.close()`, or by another process, it is the same database. */
  dataDir: string;
  /** Closes and deletes. */
  remove(): Promise<void>;
}

/** A migrated, empty PGlite database of the test's own, opened as the product opens it. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const dataDir = await copyEmptyDatabase();
  const database = await openDatabase({ dataDir, logger: silent });
  return {
    database,
    dataDir,
    async remove() {
      await database.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A folder of the test's own with a migrated, empty database, not open. */
export async function copyEmptyDatabase(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "palimpsest-"));
  copyFolder(await template(), dataDir);
  return dataDir;
}

/** `fs.cp` asks so much about each of a thousand files that it takes more than a second. */
function copyFolder(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(target);
      copyFolder(source, target);
    } else copyFileSync(source, target);
  }
}

/** A logger that says nothing. */
export const silent = pino({ level: "silent" });

/** Making one takes seconds, copying it a moment: made once for each state of the migrations. */
async function template(): Promise<string> {
  const cache = fileURLToPath(new URL("../../node_modules/.cache/palimpsest", import.meta.url));
  const folder = join(cache, `database-${fingerprint()}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, "unfinished-"));
  const database = await openDatabase({ dataDir: unfinished, logger: silent });
  await migrate(database, silent);
  await database.close();
  // Another test file may have been faster: its folder is as good.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  return folder;
}

function fingerprint(): string {
  const hash = createHash("sha256");
  const here = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
  for (const name of Object.keys(migrations))
    hash.update(readFileSync(here(`migrations/${name}.ts`)));
  hash.update(readFileSync(here("node_modules/@electric-sql/pglite/package.json")));
  return hash.digest("hex").slice(0, 16);
}
