import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type DataFolderLock, lockDataFolder } from "../database/data-folder-lock.ts";
import { AppError, ConflictError } from "../errors.ts";

const waitMs = 10_000;
const againAfterMs = 25;

/**
 * Changes the folder's models while no other process does, and no other task of this one. Throws a
 * ConflictError `models_busy` when that takes longer than ten seconds.
 */
export async function withModelsLock<Result>(
  modelsDir: string,
  task: () => Promise<Result>,
): Promise<Result> {
  await mkdir(modelsDir, { recursive: true });
  const lock = await waitForLock(modelsDir);
  try {
    return await task();
  } finally {
    await lock.release();
  }
}

async function waitForLock(modelsDir: string): Promise<DataFolderLock> {
  const until = Date.now() + waitMs;
  for (;;) {
    const lock = await tryLock(join(modelsDir, ".lock"), modelsDir);
    if ("release" in lock) return lock;
    if (Date.now() > until) {
      const message = `The models in ${modelsDir} are being changed by ${lock.holder}. Try again when it is done.`;
      throw new ConflictError("models_busy", message);
    }
    await delay(againAfterMs);
  }
}

/** Takes a lock file, or says who has it, and what to do where nobody here can know whether he lives. */
export async function tryLock(
  path: string,
  folder: string,
): Promise<DataFolderLock | { holder: string }> {
  try {
    return await lockDataFolder(path, folder);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "data_folder_in_use") throw error;
    const { pid, host } = error.details ?? {};
    if (host === hostname()) return { holder: `process ${String(pid)}` };
    const advice = `if that machine no longer runs it, delete ${path}`;
    return { holder: `process ${String(pid)} on ${String(host)} (${advice})` };
  }
}
