import { existsSync, readFileSync } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../errors.ts";

/** Who holds a data folder: written into its lock file. */
interface Holder {
  pid: number;
  host: string;
  /** When the process started, as the kernel counts: tells it from a later one of the same pid. */
  process: string | null;
}

export interface DataFolderLock {
  release(): Promise<void>;
}

/**
 * Takes the lock file, or takes it over from a process that is dead. Throws AppError
 * `data_folder_in_use`, naming the holder, while another process lives that holds it: PGlite itself
 * lets two processes in, and they destroy each other's rows.
 */
export async function lockDataFolder(path: string, dataDir: string): Promise<DataFolderLock> {
  const own = JSON.stringify(describeProcess(process.pid));
  while (!(await createFile(path, own))) {
    const found = await readHolder(path);
    if (found === undefined) continue;
    if (isAlive(found.holder)) throw inUse(dataDir, found.holder);
    await removeStale(path, found.text);
  }
  return {
    async release() {
      if ((await readText(path)) === own) await rm(path, { force: true });
    },
  };
}

/** False where the file exists. */
async function createFile(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(text);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined where the file has gone meanwhile; an unreadable one counts as left by the dead. */
async function readHolder(path: string): Promise<{ holder?: Holder; text: string } | undefined> {
  let text = await readText(path);
  // Its maker may be between creating and writing it.
  for (let tries = 0; text === "" && tries < 10; tries++) {
    await delay(20);
    text = await readText(path);
  }
  if (text === undefined) return undefined;
  try {
    return { holder: JSON.parse(text) as Holder, text };
  } catch {
    return { text };
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function describeProcess(pid: number): Holder {
  return { pid, host: hostname(), process: startOf(pid) };
}

/** Boot and start time of a process, where the system tells (Linux); null elsewhere or when dead. */
function startOf(pid: number): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; the start time is the 20th field after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return `${boot} ${fields[19]}`;
  } catch {
    return null;
  }
}

function isAlive(holder: Holder | undefined): holder is Holder {
  if (holder === undefined) return false;
  // A process on another machine cannot be asked: better stop here than write beside it.
  if (holder.host !== hostname()) return true;
  if (existsSync("/proc/self/stat")) return startOf(holder.pid) === holder.process;
  if (holder.pid === process.pid) return false;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Renames before it removes: of two processes that found the same dead holder, one gets the file. */
async function removeStale(path: string, text: string): Promise<void> {
  const aside = `${path}.stale-${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  // The other process was faster and this is its living lock: give it back.
  if ((await readText(aside)) !== text) await rename(aside, path);
  else await rm(aside, { force: true });
}

function inUse(dataDir: string, holder: Holder): AppError {
  const there = holder.host === hostname() ? "" : ` on ${holder.host}`;
  const advice =
    holder.host === hostname()
      ? "Stop it, or choose another folder with DATA_DIR."
      : `If that machine no longer runs it, delete ${dataDir}/database.lock.`;
  return new AppError(
    "data_folder_in_use",
    503,
    `The data folder ${dataDir} is in use by process ${holder.pid}${there}. ${advice}`,
    { details: { pid: holder.pid, host: holder.host, dataDir } },
  );
}
