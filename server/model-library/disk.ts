import { existsSync } from "node:fs";
import { readdir, stat, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { AppError } from "../errors.ts";

/** Bytes that may still be written where the folder lies, or will lie. */
export async function freeBytes(folder: string): Promise<number> {
  const place = resolve(folder);
  if (!existsSync(place) && dirname(place) !== place) return freeBytes(dirname(place));
  const { bavail, bsize } = await statfs(place);
  return bavail * bsize;
}

/** Bytes of all files in a folder. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) => stat(join(entry.parentPath, entry.name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}

/** Throws AppError `disk_full` where less is free than is about to be written. */
export async function requireSpace(
  folder: string,
  bytes: number,
  readFree: (folder: string) => Promise<number> = freeBytes,
): Promise<void> {
  const free = await readFree(folder);
  if (free >= bytes) return;
  const message = `This needs ${inBytes(bytes)} on the disk of ${folder}, of which ${inBytes(free)} are free. Make room, or let MODELS_DIR name a folder on a larger disk.`;
  throw new AppError("disk_full", 503, message);
}

/** What the disk refused, in a sentence that says what to do; anything else as it is. */
export function explainDisk(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  switch (error.code) {
    case "ENOSPC":
    case "EDQUOT":
      return new AppError(
        "disk_full",
        503,
        `The disk of ${folder} is full. Make room, then resume.`,
        {
          cause: error,
        },
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new AppError(
        "models_read_only",
        503,
        `The folder ${folder} cannot be written to. Give the server's user the right to, or let MODELS_DIR name another folder.`,
        { cause: error },
      );
    default:
      return error;
  }
}

/** "548 MB": thousands, one decimal below ten. */
export function inBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${value.toFixed(step > 0 && value < 10 ? 1 : 0)} ${units[step]}`;
}
